-- results.csv: one row per configuration and metric with its 95 % interval; gain is the paired difference to one head
-- of the same kind on all votes.
with levels as (
    select config, metric, max(value) filter (replicate = 0) as value,
           quantile_cont(value, 0.025) filter (replicate > 0) as low,
           quantile_cont(value, 0.975) filter (replicate > 0) as high
    from study.replicates
    group by config, metric
),
gains as (
    select config, metric, max(gap) filter (replicate = 0) as gain,
           quantile_cont(gap, 0.025) filter (replicate > 0) as gain_low,
           quantile_cont(gap, 0.975) filter (replicate > 0) as gain_high
    from study.gaps
    where question = 'ensemble'
    group by config, metric
)
select configs.head, configs.objective, configs.scheme, configs.quality, round(configs.label_error, 4) as label_error,
       configs.method, metric, configs.n_prompts, configs.n_seeds, round(levels.value, 4) as value,
       round(levels.low, 4) as low, round(levels.high, 4) as high, round(gains.gain, 4) as gain,
       round(gains.gain_low, 4) as gain_low, round(gains.gain_high, 4) as gain_high
from levels
join study.configs as configs using (config)
left join gains using (config, metric)
order by config, list_position(['accuracy', 'spearman', 'bon_2', 'bon_5', 'bon_10', 'bon_20', 'bon_all'], metric)
