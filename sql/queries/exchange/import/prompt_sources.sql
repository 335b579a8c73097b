insert into rm.main.prompt_sources
select fresh.prompt_id, files.dataset_id, files.file_id, fresh."row", fresh.subset, fresh.split, fresh.metadata
from _rm_in_prompt_sources as fresh
join _rm_file_ids as files using (file)
anti join (
    select prompt_id, dataset_id, file_id, "row" from rm.main.prompt_sources
) as known
    on known.prompt_id = fresh.prompt_id and known.dataset_id = files.dataset_id and known.file_id = files.file_id
   and known."row" = fresh."row"
order by files.file_id, fresh."row", fresh.prompt_id
