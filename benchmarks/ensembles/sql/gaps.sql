-- Paired differences, replicate by replicate, for three questions:
--   ensemble   a way to use an ensemble minus one head of the same kind on all votes
--   objective  classification minus Bradley-Terry
--   scheme     pairs across prompts minus pairs within prompts
-- base is what the second of the two wins over a random pick.
create or replace table study.gaps as
with pairs as (
    select a.config, b.config as against,
           case when b.method <> a.method then 'ensemble' when b.objective <> a.objective then 'objective' else 'scheme'
           end as question
    from study.configs as a
    join study.configs as b
        on a.head = b.head and a.quality = b.quality
        and (
            (a.method <> 'single' and b.method = 'single' and (a.objective, a.scheme) = (b.objective, b.scheme))
            or (a.method = b.method and a.method in ('single', 'mean') and (
                (a.objective = 'classification' and b.objective = 'bt' and a.scheme = b.scheme)
                or (a.scheme = 'across' and b.scheme = 'within' and a.objective = b.objective)))
        )
)
select pairs.question, pairs.config, mine.metric, mine.replicate, mine.value - other.value as gap,
       other.value - random.value as base
from pairs
join study.replicates as mine on mine.config = pairs.config
join study.replicates as other
    on other.config = pairs.against and other.metric = mine.metric and other.replicate = mine.replicate
left join (
    select replicates.* from study.replicates as replicates join study.configs as configs using (config)
    where configs.method = 'random'
) as random on random.metric = mine.metric and random.replicate = mine.replicate
