-- What stands beside a snapshot: the version it came from, its data sets with licences, where it was imported from.
select (select parents.name || '@' || parents.version from rm.main.snapshots as parents
        where parents.snapshot_id = snapshots.parent) as parent,
       (select list_sort(list(distinct datasets.name || coalesce(' (' || datasets.license || ')', '')))
        from rm.main.datasets as datasets
        where list_contains(snapshots.datasets, datasets.name)) as datasets,
       (select origins.facts from rm.main.snapshot_origins as origins
        where origins.snapshot_id = snapshots.snapshot_id) as origin
from rm.main.snapshots as snapshots
where snapshots.snapshot_id = $snapshot_id
