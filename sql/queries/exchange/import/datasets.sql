insert into rm.main.datasets
select (select coalesce(max(dataset_id), 0) from rm.main.datasets) + row_number() over (order by name),
       name, license, source, format, $now, null
from _rm_in_datasets as fresh
where not exists (from rm.main.datasets as known where known.name = fresh.name and known.dropped_at is null)
