-- Data sets of the snapshot that a head was trained on, dropped ones too, with their licences.
select datasets.name, datasets.license, datasets.dropped_at::varchar as dropped_at
from rm.main.snapshots as snapshots
join rm.main.datasets as datasets on list_contains(snapshots.datasets, datasets.name)
where snapshots.snapshot_id = $snapshot_id
order by datasets.name, datasets.dataset_id
