-- The paired differences averaged over the configurations of a band of label error, with a 95 % interval of that
-- average; relative is the average gain over what the other side wins over a random pick. n_above and n_below count
-- the configurations whose own interval lies above or below 0; nothing is corrected for how many there are.
create or replace table study.summary as
with cells as (
    select gaps.*, configs.head, configs.method,
           case when label_error < 0.15e0 then '0-15%' when label_error < 0.35e0 then '15-35%'
                when label_error < 0.45e0 then '35-45%' else '45-50%' end as band
    from study.gaps as gaps
    join study.configs as configs using (config)
    where gaps.gap is not null
),
counts as (
    select question, head, method, band, metric, count(*) as n_configs, count_if(low > 0) as n_above,
           count_if(high < 0) as n_below
    from (
        select question, config, head, method, band, metric, quantile_cont(gap, 0.025) filter (replicate > 0) as low,
               quantile_cont(gap, 0.975) filter (replicate > 0) as high
        from cells
        group by question, config, head, method, band, metric
    )
    group by question, head, method, band, metric
),
averages as (
    select question, head, method, band, metric, replicate, avg(gap) as gap, avg(base) as base
    from cells
    group by question, head, method, band, metric, replicate
)
select question, head, band, method, metric, any_value(counts.n_configs) as n_configs,
       any_value(counts.n_above) as n_above, any_value(counts.n_below) as n_below,
       round(max(gap) filter (replicate = 0), 4) as gain,
       round(quantile_cont(gap, 0.025) filter (replicate > 0), 4) as low,
       round(quantile_cont(gap, 0.975) filter (replicate > 0), 4) as high,
       round(max(gap / nullif(base, 0)) filter (replicate = 0), 4) as relative
from averages
join counts using (question, head, method, band, metric)
group by question, head, band, method, metric
order by question, head, band, list_position(['single', 'member', 'mean', 'wco', 'uwo', 'warm'], method),
         list_position(['accuracy', 'spearman', 'bon_2', 'bon_5', 'bon_10', 'bon_20', 'bon_all'], metric)
