-- What rm_steps shows: one row per (step of a member, data set and subset of its response).
-- No CTE is materialized, so that columns nobody asks for, above all the vectors, are not read.
with members as not materialized (
    select response_id from rm.main.snapshot_members where snapshot_id = {snapshot_id}
),
lengths as not materialized (
    select response_id, count(*) as n_steps from rm.main.steps semi join members using (response_id) group by response_id
),
homes as not materialized (
    select distinct response_id, dataset_id, subset
    from rm.main.generations
    semi join members using (response_id)
    where dataset_id in ({dataset_ids})
),
said as not materialized (
    select step_id, dataset_id, source, _rm_steady_mean(label) as label
    from rm.main.step_labels
    where dataset_id in ({dataset_ids})
    group by step_id, dataset_id, source
),
said_of as not materialized (
    select step_id, dataset_id,
           map_from_entries(list({'source': source, 'label': label} order by source)) as labels,
           case when min(label) = max(label) then min(label) end as agreed
    from said
    group by step_id, dataset_id
)
select responses.prompt_id,
       prompts.group_id,
       steps.response_id,
       datasets.name as dataset,
       homes.subset,
       coalesce(splits.split, _rm_hash_split(prompts.group_id)) as split,
       steps.step_id,
       steps.step,
       lengths.n_steps,
       steps.text,
       said_of.{label} as label,
       said_of.labels,
       vectors.embedding
from rm.main.steps as steps
join lengths using (response_id)
join homes using (response_id)
join rm.main.datasets as datasets on datasets.dataset_id = homes.dataset_id
join rm.main.responses as responses on responses.response_id = steps.response_id
join rm.main.prompts as prompts on prompts.prompt_id = responses.prompt_id
join rm.main.renderings as renderings
    on renderings.item_id = steps.step_id and renderings.part = 'step' and renderings.encoder_id = {encoder_id}
join {vectors} as vectors
    on vectors.text_id = renderings.text_id and vectors.encoder_id = {encoder_id}
left join said_of on said_of.step_id = steps.step_id and said_of.dataset_id = homes.dataset_id
left join _rm_published_splits() as splits on splits.group_id = prompts.group_id
