-- report:  margins
-- title:   How far apart a head puts the two sides of a vote
-- grain:   one row per data set, subset and split; 'all' marks totals
-- engines: duckdb
-- folds:   yes
-- levels:  yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL
-- columns: dataset VARCHAR, subset VARCHAR, split VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_cross BIGINT,
--          n_seen BIGINT, margin DOUBLE, low DOUBLE, high DOUBLE, standardised DOUBLE, sd DOUBLE, q05 DOUBLE,
--          q25 DOUBLE, median DOUBLE, q75 DOUBLE, q95 DOUBLE, negative DOUBLE, negative_low DOUBLE,
--          negative_high DOUBLE, random DOUBLE, tie_rate DOUBLE, min_reward DOUBLE, mean_reward DOUBLE,
--          max_reward DOUBLE, n_prob BIGINT, prob_corr DOUBLE, prob_low DOUBLE, prob_high DOUBLE, n_margin BIGINT,
--          margin_corr DOUBLE, margin_low DOUBLE, margin_high DOUBLE
-- compare: margin = total / n in groups by dataset, subset, split
-- filter:  rm_pairs
-- chart:   bar x=subset y=margin,q05,q25,median,q75,q95 low=low high=high facet=dataset x_title='subset'
--          y_title='margin (units of the reward)'
-- note:    margin = chosen reward - rejected reward, in the units of the head: compare it between heads as
--          standardised, margin / sd. Over votes with a preference (prob above 0.5), unweighted, of groups that the
--          head did not see in training; it saw those of n_seen (NULL where unknown). Of n_pairs, n_cross answer
--          different prompts. low, high: 95 % interval, clustered by group. sd and quantiles are over votes. negative:
--          share of margins below 0, of which a coin has half (random), with Wilson's interval as in accuracy;
--          tie_rate: share at 0. min_reward, mean_reward, max_reward (names of TRL) are over both sides; a head that
--          was trained within prompts fixes no level, so only its margins mean something. prob_corr, margin_corr:
--          Pearson's correlation of the margin with the prob of the n_prob votes, and with the margin of the n_margin
--          votes that were given one, with Fisher's interval for as many units as groups; NULL where nothing varies.
--          Votes without a subset count in the totals alone.
with cells as materialized (
    select case when by_dataset then votes.dataset else 'all' end as dataset,
           case when by_subset then votes.subset else 'all' end as subset,
           case when by_split then votes.split else 'all' end as split,
           votes.group_id, votes.is_counted, votes.is_decided, votes.is_seen, votes.is_cross, votes.margin,
           votes.chosen_reward, votes.rejected_reward, votes.prob, votes.given
    from _rm_judged_votes($head, $snapshot, $split, $dataset, $subset) as votes
    join _rm_report_cells() as levels
        on (not levels.by_subset or votes.subset is not null) and (levels.by_split or $split = 'all')
),
groups as (
    select dataset, subset, split, group_id, count_if(is_counted) as n, _rm_total(margin, is_counted) as total,
           count_if(is_counted and margin < 0) as n_negative, count_if(is_counted and margin = 0) as n_level,
           count_if(is_counted and is_cross) as n_cross, count_if(is_decided and is_seen) as n_seen,
           count_if(is_decided and is_seen is null) as n_unknown
    from cells
    group by dataset, subset, split, group_id
),
shapes as (
    select dataset, subset, split, stddev_samp(margin) as sd,
           quantile_cont(margin, [0.05e0, 0.25e0, 0.5e0, 0.75e0, 0.95e0]) as quantiles,
           min(least(chosen_reward, rejected_reward)) as min_reward,
           avg((chosen_reward + rejected_reward) / 2) as mean_reward,
           max(greatest(chosen_reward, rejected_reward)) as max_reward,
           _rm_correlation(margin, prob, group_id) as prob, _rm_correlation(margin, given, group_id) as given
    from cells
    where is_counted
    group by dataset, subset, split
),
totals as (
    select dataset, subset, split, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
           sum(n_cross)::bigint as n_cross,
           case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, _rm_mean(n, total) as margin,
           _rm_mean_interval(n, total) as span, _rm_mean(n, n_negative) as negative,
           _rm_share_interval(n, n_negative) as negative_span, _rm_mean(n, n_level) as tie_rate
    from groups
    group by dataset, subset, split
)
select totals.dataset, totals.subset, totals.split, n_pairs, n_groups, n_cross, n_seen, margin, span.low as low,
       span.high as high, margin / nullif(sd, 0) as standardised, sd, quantiles[1] as q05, quantiles[2] as q25,
       quantiles[3] as median, quantiles[4] as q75, quantiles[5] as q95, negative, negative_span.low as negative_low,
       negative_span.high as negative_high, case when n_pairs > 0 then 0.5e0 end as random, tie_rate, min_reward,
       mean_reward, max_reward, coalesce(prob.n, 0) as n_prob, prob.r as prob_corr, prob.low as prob_low,
       prob.high as prob_high, coalesce(given.n, 0) as n_margin, given.r as margin_corr, given.low as margin_low,
       given.high as margin_high
from totals
left join shapes using (dataset, subset, split)
order by split = 'all', split, dataset = 'all', dataset, subset = 'all', subset
