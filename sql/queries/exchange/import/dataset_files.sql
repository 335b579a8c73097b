-- Of a file only the rows of the snapshot arrive, which its options say, so that ingesting the file itself still brings
-- the rest.
insert into rm.main.dataset_files
select (select coalesce(max(file_id), 0) from rm.main.dataset_files) + row_number() over (order by fresh.file),
       homes.dataset_id, fresh.path, fresh.sha256, fresh.format,
       json_merge_patch(fresh.options, '{"imported": true}'), fresh.n_rows, fresh.n_prompts,
       fresh.n_responses, fresh.n_preferences, fresh.n_ratings, fresh.n_steps, fresh.n_rejected, fresh.ingested_at
from _rm_in_dataset_files as fresh
join _rm_homes as homes using (dataset)
where not exists (
    from rm.main.dataset_files as known
    where known.dataset_id = homes.dataset_id and known.sha256 = fresh.sha256 and known.format = fresh.format
      and json_merge_patch(coalesce(known.options, '{}'), '{"imported": null}') = fresh.options)
