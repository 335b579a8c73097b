-- What the metrics are means of: per configuration and metric the numerators and denominators of all prompts, in the
-- order of prompt_id. A prompt without a value, such as a best of 20 of 19 responses, has denominator 0.
create or replace table study.sums as
with long as (
    select configs.config, scores.prompt_id, unnest([
               {'metric': 'accuracy', 'value': hits, 'n': n_pairs::double},
               {'metric': 'spearman', 'value': spearman, 'n': if(spearman is null, 0e0, 1e0)},
               {'metric': 'bon_2', 'value': bon_2, 'n': if(bon_2 is null, 0e0, 1e0)},
               {'metric': 'bon_5', 'value': bon_5, 'n': if(bon_5 is null, 0e0, 1e0)},
               {'metric': 'bon_10', 'value': bon_10, 'n': if(bon_10 is null, 0e0, 1e0)},
               {'metric': 'bon_20', 'value': bon_20, 'n': if(bon_20 is null, 0e0, 1e0)},
               {'metric': 'bon_all', 'value': bon_all, 'n': if(bon_all is null, 0e0, 1e0)}]) as score
    from study.scores as scores
    join study.configs as configs
        on (configs.head, configs.method) = (scores.head, scores.method)
        and configs.objective is not distinct from scores.objective
        and configs.scheme is not distinct from scores.scheme
        and configs.quality is not distinct from scores.quality
),
grid as (
    select kinds.config, kinds.metric, prompts.prompt_id
    from (select distinct config, score.metric as metric from long) as kinds
    cross join (select distinct prompt_id from study.scores) as prompts
)
select grid.config, grid.metric, list(coalesce(long.score.value, 0e0) order by grid.prompt_id) as totals,
       list(coalesce(long.score.n, 0e0) order by grid.prompt_id) as ns
from grid
left join long on long.config = grid.config and long.score.metric = grid.metric and long.prompt_id = grid.prompt_id
group by grid.config, grid.metric
