-- The ingested files that sources and votes name, numbered in an order that any store arrives at. A file that came with
-- an imported snapshot is the file that it came from.
create or replace temp table _rm_files as
with used as (
    select file_id from _rm_sources union select file_id from _rm_votes
),
keyed as (
    select files.file_id, datasets.name as dataset, files.sha256, files.format,
           json_merge_patch(coalesce(files.options, '{}'), '{"imported": null}')::varchar as options,
           files.options ->> 'imported' is not null as is_imported
    from rm.main.dataset_files as files
    join rm.main.datasets as datasets using (dataset_id)
    semi join used using (file_id)
)
select file_id,
       dense_rank() over (order by dataset, sha256, format, options)::integer as file,
       row_number() over (partition by dataset, sha256, format, options order by is_imported, file_id) = 1 as is_first,
       options
from keyed;
