-- The number here of every file of the folder; a file that was ingested whole comes before one that was imported.
create or replace temp table _rm_file_ids as
select fresh.file, known.dataset_id, known.file_id
from _rm_in_dataset_files as fresh
join _rm_homes as homes using (dataset)
join rm.main.dataset_files as known
    on known.dataset_id = homes.dataset_id and known.sha256 = fresh.sha256 and known.format = fresh.format
   and json_merge_patch(coalesce(known.options, '{}'), '{"imported": null}') = fresh.options
qualify row_number() over (
    partition by fresh.file order by known.options ->> 'imported' is not null, known.file_id) = 1;
