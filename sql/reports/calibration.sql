-- report:  calibration
-- title:   Whether a head's win probabilities can be taken at their word
-- grain:   one row per data set and split; 'all' marks totals
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL
-- columns: dataset VARCHAR, split VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT, temperature DOUBLE,
--          nll DOUBLE, low DOUBLE, high DOUBLE, random DOUBLE, entropy DOUBLE, brier DOUBLE, ece DOUBLE,
--          confidence DOUBLE, agreement DOUBLE
-- chart:   bar x=dataset y=nll low=low high=high
-- note:    win probability = sigmoid(reward gap / temperature), the temperature stored in the head. Soft votes and
--          ties count as they are. Everything is over votes of groups that the head did not see in training; the n_seen
--          others are left out (NULL where unknown). low, high: 95 % interval of nll, clustered by group. random: nll of
--          a coin, ln 2. entropy: the nll if every probability were true. ece: folded to [0.5, 1], 15 bins of equal
--          width (calibration_bins shows them). confidence is what the head says, agreement what the votes say.
with votes as (
    select dataset, split, group_id, temperature, is_seen, is_new, conf, ok, nll, brier, entropy
    from _rm_pair_probabilities($head, $snapshot, $split, $dataset)
),
-- Every vote once per row of the report that it counts in; NULL marks a total.
cells as (
    select case when by_dataset then dataset end as dataset, case when by_split then split end as split, group_id,
           temperature, is_seen, is_new, conf, ok, nll, brier, entropy
    from votes
    cross join (select unnest([true, false]) as by_dataset)
    cross join (select unnest(case when $split = 'all' then [true, false] else [true] end) as by_split)
),
bins as (
    select dataset, split, sum(conf) - sum(ok) as gap
    from cells
    where is_new
    group by dataset, split, _rm_conf_bin(conf)
),
errors as (
    select dataset, split, sum(abs(gap)) as gap from bins group by dataset, split
),
groups as (
    select dataset, split, group_id, any_value(temperature) as temperature, count_if(is_new) as n,
           count_if(is_seen) as n_seen, count_if(is_seen is null) as n_unknown,
           coalesce(sum(nll) filter (is_new), 0e0) as nll, sum(brier) filter (is_new) as brier,
           sum(entropy) filter (is_new) as entropy, sum(conf) filter (is_new) as conf, sum(ok) filter (is_new) as ok
    from cells
    group by dataset, split, group_id
)
select coalesce(groups.dataset, 'all') as dataset, coalesce(groups.split, 'all') as split, sum(n)::bigint as n_pairs,
       count_if(n > 0)::bigint as n_groups, case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen,
       any_value(temperature) as temperature, _rm_mean(n, nll) as nll, _rm_mean_interval(n, nll).low as low,
       _rm_mean_interval(n, nll).high as high, case when sum(n) > 0 then ln(2e0) end as random,
       _rm_mean(n, entropy) as entropy, _rm_mean(n, brier) as brier, any_value(errors.gap) / nullif(sum(n), 0) as ece,
       _rm_mean(n, conf) as confidence, _rm_mean(n, ok) as agreement
from groups
left join errors
    on errors.dataset is not distinct from groups.dataset and errors.split is not distinct from groups.split
group by groups.dataset, groups.split
order by groups.split nulls last, groups.dataset nulls last
