-- Published splits of the rows, and where a group of prompts ends up, which a published split of any data set decides.
with sources as (
    select distinct prompt_id, split
    from rm.main.prompt_sources
    join rm.main.datasets as datasets using (dataset_id)
    where name = $name and dropped_at is null
),

placed as (
    select sources.prompt_id, sources.split as published,
           coalesce(decided.split, _rm_hash_split(prompts.group_id)) as split
    from sources
    join rm.main.prompts as prompts using (prompt_id)
    left join _rm_published_splits() as decided using (group_id)
)

select split, count(distinct prompt_id) as n_prompts,
       count(distinct prompt_id) filter (where published is not null) as n_published
from placed
group by split
order by list_position(['train', 'valid', 'test'], split)
