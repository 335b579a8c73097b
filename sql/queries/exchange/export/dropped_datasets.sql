-- Data sets of the snapshot that were dropped, each as it was last, here or in the store that the snapshot came from.
with live as (
    select name from rm.main.datasets where dropped_at is null
),
dropped as (
    select datasets.name, datasets.license, datasets.source, datasets.format, datasets.dataset_id
    from rm.main.datasets as datasets
    where list_contains($names::varchar[], datasets.name)
    union all
    select told.entry ->> 'name', told.entry ->> 'license', told.entry ->> 'source', told.entry ->> 'format', 0
    from rm.main.snapshot_origins as origins
    cross join unnest(from_json(origins.facts -> 'dropped_datasets', '["json"]')) as told(entry)
    where origins.snapshot_id = $snapshot_id
)
select name, license, _rm_file_names(source) as source, format
from dropped
anti join live using (name)
qualify row_number() over (partition by name order by dataset_id desc) = 1
order by name
