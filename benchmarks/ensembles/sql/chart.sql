-- What the chart shows: gains in accuracy and in best-of-10 gold, averaged over objectives and schemes, by label
-- error.
with averages as (
    select configs.head, configs.method, configs.quality, gaps.metric, gaps.replicate, avg(gaps.gap) as gap,
           avg(configs.label_error) as label_error
    from study.gaps as gaps
    join study.configs as configs using (config)
    where gaps.question = 'ensemble' and gaps.metric in ('accuracy', 'bon_10') and configs.method <> 'member'
    group by configs.head, configs.method, configs.quality, gaps.metric, gaps.replicate
)
select head, method, quality, metric, any_value(label_error) as label_error, max(gap) filter (replicate = 0) as gain,
       quantile_cont(gap, 0.025) filter (replicate > 0) as low, quantile_cont(gap, 0.975) filter (replicate > 0) as high
from averages
group by head, method, quality, metric
order by head, method, metric, quality
