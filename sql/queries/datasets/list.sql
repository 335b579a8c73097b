with files as (
    select dataset_id, count(*) as n_files, sum(n_rows)::bigint as n_rows, sum(n_rejected)::bigint as n_rejected
    from rm.main.dataset_files
    group by dataset_id
),

prompts as (
    select dataset_id, count(distinct prompt_id) as n_prompts from rm.main.prompt_sources group by dataset_id
),

responses as (
    select dataset_id, count(distinct response_id) as n_responses from rm.main.generations group by dataset_id
),

preferences as (select dataset_id, count(*) as n_preferences from rm.main.preferences group by dataset_id),

ratings as (select dataset_id, count(*) as n_ratings from rm.main.ratings group by dataset_id),

-- few responses have steps: those are looked for first
traces as (
    select distinct dataset_id, response_id
    from rm.main.generations
    where response_id in (select response_id from rm.main.steps)
),

steps as (
    select dataset_id, count(*) as n_steps from traces join rm.main.steps using (response_id) group by dataset_id
)

select name, format, license, source, coalesce(n_files, 0) as n_files, coalesce(n_rows, 0) as n_rows,
       coalesce(n_rejected, 0) as n_rejected, coalesce(n_prompts, 0) as n_prompts,
       coalesce(n_responses, 0) as n_responses, coalesce(n_preferences, 0) as n_preferences,
       coalesce(n_ratings, 0) as n_ratings, coalesce(n_steps, 0) as n_steps, created_at
from rm.main.datasets
left join files using (dataset_id)
left join prompts using (dataset_id)
left join responses using (dataset_id)
left join preferences using (dataset_id)
left join ratings using (dataset_id)
left join steps using (dataset_id)
where dropped_at is null and ($name is null or name = $name)
order by name
