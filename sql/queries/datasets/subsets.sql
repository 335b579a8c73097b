with sources as (
    select subset, count(distinct prompt_id) as n_prompts
    from rm.main.prompt_sources
    join rm.main.datasets as datasets using (dataset_id)
    where name = $name and dropped_at is null
    group by subset
),

votes as (
    select subset, count(*) as n_preferences
    from rm.main.preferences
    join rm.main.datasets as datasets using (dataset_id)
    where name = $name and dropped_at is null
    group by subset
)

select sources.subset, n_prompts, coalesce(n_preferences, 0) as n_preferences
from sources
left join votes on votes.subset is not distinct from sources.subset
order by sources.subset nulls first
