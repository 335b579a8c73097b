-- The configurations, their seeds pooled: every prompt was held out in one of them.
create or replace table study.configs as
select row_number() over (order by head, objective, scheme, quality desc, method) as config,
       head, objective, scheme, quality, method, count(*) as n_prompts, count(distinct seed) as n_seeds,
       sum(n_seen) as n_seen, sum(n_votes * label_error) / sum(n_votes) as label_error, sum(n_tied) as n_tied
from study.scores
group by head, objective, scheme, quality, method
