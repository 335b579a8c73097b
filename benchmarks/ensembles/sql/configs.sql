-- The configurations, their seeds pooled: every prompt was held out in one of them, and no head saw it.
create or replace table study.configs as
with pooled as (
    select head, objective, scheme, quality, method, count(*) as n_prompts, count(distinct seed) as n_seeds,
           sum(n_seen) as n_seen, sum(n_votes * label_error) / sum(n_votes) as label_error, sum(n_tied) as n_tied
    from study.scores
    group by head, objective, scheme, quality, method
)
select row_number() over (order by head, objective, scheme, quality desc, method) as config, pooled.* exclude (n_seen)
from pooled
where if(n_seen > 0, error('a head ' || head || ' has seen prompts that it is tested on'), true)
