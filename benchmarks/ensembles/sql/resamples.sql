-- The bootstrap over prompts: in replicate 0 every prompt counts once, in the others as often as it was drawn. All
-- configurations share the replicates, so any two of them are compared on the same draws.
create or replace table study.resamples as
with prompts as (
    select row_number() over (order by prompt_id) - 1 as place, count(*) over () as n
    from (select distinct prompt_id from study.scores)
),
draws as (
    select replicate, _rm_draw('ensembles/' || replicate || '/' || prompts.place) % prompts.n as place
    from prompts
    cross join range(1, $replicates + 1) as replicates(replicate)
),
counts as (
    select replicate, place, count(*) as n from draws group by replicate, place
)
select replicate, list(if(replicate = 0, 1e0, coalesce(counts.n, 0)::double) order by place) as weights
from (select range as replicate from range($replicates + 1))
cross join prompts
left join counts using (replicate, place)
group by replicate
