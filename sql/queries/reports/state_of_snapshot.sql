-- What the store holds that concerns one snapshot, as a row per kind that changes when any of its rows does: all that a
-- function bound to a snapshot (rmstore/reports/reach.py) can read. Votes, ratings, sources and labels count from whatever
-- data set they come; of what was said ids are enough, which are hashes of it. hash() may change with the engine, whose
-- version stands beside this.
with chosen as (
    select * from rm.main.snapshots where snapshot_id = $snapshot_id
),
members as materialized (
    select members.response_id, responses.prompt_id, prompts.group_id
    from rm.main.snapshot_members as members
    join rm.main.responses as responses using (response_id)
    join rm.main.prompts as prompts using (prompt_id)
    where members.snapshot_id = $snapshot_id
),
votes as (
    select * from rm.main.preferences as votes
    where chosen_id in (select response_id from members) and rejected_id in (select response_id from members)
),
made as (
    select * from rm.main.generations semi join members using (response_id)
),
-- A split that is published for one prompt moves its whole group.
sources as (
    select sources.*
    from rm.main.prompt_sources as sources
    semi join (
        select prompt_id from rm.main.prompts semi join members using (group_id)
    ) as prompts using (prompt_id)
),
steps as (
    select * from rm.main.steps semi join members using (response_id)
),
datasets as (
    select datasets.*
    from rm.main.datasets as datasets
    where dataset_id in (select dataset_id from made union select dataset_id from sources)
        or name in (select unnest(datasets) from chosen)
),
items as (
    select response_id as item_id from members
    union
    select prompt_id from members
    union
    select step_id from steps
)
select 'snapshot' as kind, count(*) as n, sum(hash(chosen))::varchar as content from chosen
union all
select 'members', count(*), sum(hash(members))::varchar from members
union all
select 'votes', count(*), sum(hash(votes))::varchar from votes
union all
select 'generations', count(*), sum(hash(made))::varchar from made
union all
select 'ratings', count(*), sum(hash(ratings))::varchar
from rm.main.ratings as ratings semi join members using (response_id)
union all
select 'sources', count(*), sum(hash(sources))::varchar from sources
union all
select 'steps', count(*), sum(hash(steps))::varchar from steps
union all
select 'labels', count(*), sum(hash(labels))::varchar
from rm.main.step_labels as labels semi join steps using (step_id)
union all
select 'datasets', count(*), sum(hash(datasets))::varchar from datasets
union all
select 'files', count(*), sum(hash(files))::varchar
from rm.main.dataset_files as files semi join datasets using (dataset_id)
union all
select 'renderings', count(*), sum(hash(renderings))::varchar
from rm.main.renderings as renderings semi join items using (item_id)
where renderings.encoder_id in (select encoder_id from chosen)
order by kind
