with wrong as (
    select prompt_id, 'is there twice' as reason
    from _rm_in_prompt_sources
    group by prompt_id, dataset, file, "row"
    having count(*) > 1
    union all
    select prompt_id, 'names a prompt that is not there'
    from _rm_in_prompt_sources anti join _rm_in_prompts using (prompt_id)
    union all
    select prompt_id, 'names a file that is not there'
    from _rm_in_prompt_sources anti join _rm_in_dataset_files using (dataset, file)
    union all
    select prompt_id, 'has no row, or a split that is none'
    from _rm_in_prompt_sources
    where "row" is null or (split is not null and split not in ('train', 'valid', 'test'))
)
select 'source of prompt ' || coalesce(prompt_id::varchar, 'NULL') || ' ' || reason as problem
from wrong
order by problem
limit 1
