-- report:  calibration-bins
-- title:   Reliability of a head's win probabilities, bin by bin
-- grain:   one row per bin of confidence that holds votes
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          bins INTEGER = 15
-- columns: bin INTEGER, conf_from DOUBLE, conf_to DOUBLE, n_pairs BIGINT, n_groups BIGINT, confidence DOUBLE,
--          agreement DOUBLE, low DOUBLE, high DOUBLE
-- chart:   line x=confidence y=agreement low=low high=high diagonal=yes x_title='confidence, mean of the bin'
--          y_title='share of votes for the side with the higher reward'
-- compare: share agreement = ok / n in groups by bin
-- filter:  rm_pairs
-- note:    The bins of the report calibration: probability of the side with the higher reward, in bins of equal width
--          on [0.5, 1], over votes of groups that the head did not see in training. A calibrated head has agreement
--          equal to confidence in every bin. low, high: 95 % interval of agreement, clustered by group (Wilson).
with votes as (
    select group_id, conf, ok, _rm_conf_bin(conf, $bins) as bin
    from _rm_pair_probabilities($head, $snapshot, $split, $dataset, $subset)
    where is_new
),
groups as (
    select bin, group_id, count(*) as n, sum(conf) as conf, sum(ok) as ok from votes group by bin, group_id
)
select bin, 0.5e0 + (bin - 1) / (2e0 * $bins) as conf_from, 0.5e0 + bin / (2e0 * $bins) as conf_to,
       sum(n)::bigint as n_pairs, count(*) as n_groups, _rm_mean(n, conf) as confidence, _rm_mean(n, ok) as agreement,
       _rm_share_interval(n, ok).low as low, _rm_share_interval(n, ok).high as high
from groups
group by bin
order by bin
