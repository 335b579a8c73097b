with wrong as (
    select file, 'is there twice, or has no number' as reason
    from _rm_in_dataset_files
    group by file
    having count(*) > 1 or file is null
    union all
    select file, 'names a data set that is not there'
    from _rm_in_dataset_files
    anti join _rm_in_datasets as datasets on datasets.name = _rm_in_dataset_files.dataset
    union all
    select file, 'has fields that no file has'
    from _rm_in_dataset_files
    where (path is not null and format is not null and ingested_at is not null
           and regexp_full_match(sha256, '[0-9a-f]{64}')
           and least(n_rows, n_prompts, n_responses, n_preferences, n_ratings, n_steps, n_rejected) >= 0
           and n_rows + n_prompts + n_responses + n_preferences + n_ratings + n_steps + n_rejected is not null
           and json_type(options) = 'OBJECT' and not json_exists(options, '$.imported')) is not true
)
select 'file ' || coalesce(file::varchar, 'NULL') || ' ' || reason as problem from wrong order by problem limit 1
