-- report:  calibration
-- title:   Whether a head's win probabilities can be taken at their word
-- grain:   one row per data set and split; 'all' marks totals
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          bins INTEGER = 15, seed INTEGER = 0, replicates INTEGER = 1000
-- columns: dataset VARCHAR, split VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT, temperature DOUBLE,
--          nll DOUBLE, low DOUBLE, high DOUBLE, random DOUBLE, entropy DOUBLE, fitted_temperature DOUBLE,
--          fitted_nll DOUBLE, brier DOUBLE, ece DOUBLE, ece_low DOUBLE, ece_high DOUBLE, ece_chance DOUBLE,
--          confidence DOUBLE, agreement DOUBLE
-- chart:   bar x=dataset y=nll,random,entropy,fitted_nll low=low high=high x_title='data set'
--          y_title='negative log-likelihood of a vote, nats'
-- compare: nll = nll / n in groups by dataset, split
-- filter:  rm_pairs
-- note:    win probability = sigmoid(reward gap / temperature), the temperature stored in the head. Soft votes and ties
--          count as they are. Everything is over votes of groups that the head did not see in training; the n_seen
--          others are left out (NULL where unknown). low, high: 95 % interval of nll by group. random: nll of a coin,
--          ln 2. entropy: the nll if every probability were true. fitted_temperature: the best on the valid split (10
--          votes or more), fitted_nll: the nll with it. ece: folded to [0.5, 1], bins of equal width (calibration-bins
--          shows them); noise in a bin counts whichever way it goes, so that ece is above the truth, and above 0 even
--          where every probability is true: ece_chance is about what it would be then. ece_low to ece_high allow for
--          that: 95 %, a test inversion bootstrap by group, so that ece may lie near the high end. confidence is what
--          the head says, agreement what the votes say.
with cells as materialized (
    select dataset, split, group_id, temperature, fitted_temperature, is_seen, is_new, conf, ok, nll, brier, entropy,
           fitted_nll, bin
    from _rm_calibration_cells($head, $snapshot, $split, $dataset, $subset, $bins)
),
bins as materialized (
    select dataset, split, group_id, bin, count(*) as n, sum(conf - ok) as gap, sum(conf * (1 - conf)) as variance
    from cells
    where is_new
    group by dataset, split, group_id, bin
),
errors as (
    select dataset, split, ece, chance, low, high
    from _rm_ece_intervals((select list(bins) from bins), $seed, $replicates)
),
groups as (
    select dataset, split, group_id, any_value(temperature) as temperature, any_value(fitted_temperature) as fitted,
           count_if(is_new) as n, count_if(is_seen) as n_seen, count_if(is_seen is null) as n_unknown,
           coalesce(sum(nll) filter (is_new), 0e0) as nll, sum(brier) filter (is_new) as brier,
           sum(entropy) filter (is_new) as entropy, sum(conf) filter (is_new) as conf, sum(ok) filter (is_new) as ok,
           sum(fitted_nll) filter (is_new) as fitted_nll
    from cells
    group by dataset, split, group_id
)
select dataset, split, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
       case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen, any_value(temperature) as temperature,
       _rm_mean(n, nll) as nll, _rm_mean_interval(n, nll).low as low, _rm_mean_interval(n, nll).high as high,
       case when sum(n) > 0 then ln(2e0) end as random, _rm_mean(n, entropy) as entropy,
       any_value(fitted) as fitted_temperature, _rm_mean(n, fitted_nll) as fitted_nll, _rm_mean(n, brier) as brier,
       any_value(errors.ece) as ece, any_value(errors.low) as ece_low, any_value(errors.high) as ece_high,
       any_value(errors.chance) as ece_chance,
       _rm_mean(n, conf) as confidence, _rm_mean(n, ok) as agreement
from groups
left join errors using (dataset, split)
group by dataset, split
order by split = 'all', split, dataset = 'all', dataset
