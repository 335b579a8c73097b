-- report:  rewardbench
-- title:   RewardBench: accuracy by subset, section and in total
-- grain:   one row per subset with votes, section, prior sets, length group, and the total 'all'
-- engines: duckdb
-- folds:   yes
-- filter:  rm_pairs
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'all', dataset VARCHAR = NULL, subset VARCHAR = NULL
-- columns: level VARCHAR, name VARCHAR, n_subsets BIGINT, n_subsets_expected BIGINT, n BIGINT, n_expected BIGINT,
--          n_groups BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, tie_rate DOUBLE, n_seen BIGINT, random DOUBLE,
--          longest DOUBLE, shortest DOUBLE
-- chart:   bar x=name y=accuracy,random,longest,shortest low=low high=high facet=level x_title='part of RewardBench'
--          y_title='accuracy (share of items)'
-- compare: share accuracy = total / n in units by level, name
-- note:    arXiv 2403.13787. Right is a strictly higher reward for the chosen side; equal rewards count as wrong and
--          stand in tie_rate. Shares; leaderboards print 100 times that. Votes are taken by the published name of their
--          subset. A section weights its subsets by their published counts (math-prm as all code), prior sets weight
--          alike, a length group every item alike; the total weights sections 2, prior sets 1. What is missing is left
--          out of the weights: n_subsets and n say how much of n_subsets_expected and n_expected is there. Groups that
--          the head saw in training (n_seen) are left out. Baselines are judged by the same rule: random is a coin,
--          longest and shortest take the side with more or fewer characters. low, high: 95 % interval, clustered by
--          group, for the subsets as they are.
with votes as materialized (
    select * from _rm_rewardbench_votes($head, $snapshot, $split, $dataset, $subset)
),
subsets as materialized (
    select subset, count(*) as n_votes, count_if(is_counted) as n, count_if(is_seen) as n_seen,
           count_if(is_seen is null) as n_unknown, avg(hit) filter (is_counted) as accuracy,
           _rm_residual_scale(count(distinct group_id) filter (is_counted)) as scale
    from votes
    group by subset
),
shares as (
    select cells.level, cells.name, cells.subset, cells.n_expected, subsets.n_votes, subsets.n_seen,
           subsets.n_unknown, coalesce(subsets.n, 0) as n, accuracy, scale, coalesce(cells.weight, subsets.n) as share,
           coalesce(cells.weight, n_votes) as even_share
    from _rm_rewardbench_cells((select coalesce(list(subset) filter (n > 0), []) from subsets)) as cells
    left join subsets using (subset)
),
cells as (
    select level, name, count_if(n > 0)::bigint as n_subsets, count(*) as n_subsets_expected, sum(n)::bigint as n_items,
           sum(n_expected)::bigint as n_expected, sum(n_votes) as n_votes,
           case when coalesce(sum(n_unknown), 0) = 0 then coalesce(sum(n_seen), 0)::bigint end as n_seen,
           sum(n) / sum(share) filter (n > 0) as scale,
           sum(n_votes) filter (n > 0) / sum(even_share) filter (n > 0) as even_scale
    from shares
    group by level, name
),
-- The weight of an item is its share of the row; those of a row add up to its items. even weights an item as if the
-- head had seen none, so that two heads weight alike what both did not see.
units as (
    select shares.level, shares.name, votes.group_id, sum(even) as n, sum(even * hit) as total,
           sum(weight) as weight, sum(weight * hit) as hits, case when count(shares.scale) = count(*)
               then sum(weight * (hit - shares.accuracy) * shares.scale) end as residual,
           sum(weight * tie) as ties, sum(weight * longest) as longest, sum(weight * shortest) as shortest
    from shares
    join cells using (level, name)
    join votes using (subset)
    cross join lateral (
        select share * cells.scale / shares.n as weight, even_share * even_scale / shares.n_votes as even)
    where votes.is_counted
    group by shares.level, shares.name, votes.group_id
),
intervals as (
    select units.level, units.name, count(*) as n_groups, _rm_mean(weight, hits) as accuracy,
           _rm_strata_share_interval(weight, hits, residual, n_subsets) as bounds, _rm_mean(weight, ties) as tie_rate,
           _rm_mean(weight, longest) as longest, _rm_mean(weight, shortest) as shortest
    from units
    join cells using (level, name)
    group by units.level, units.name
)
select cells.level, cells.name, n_subsets, n_subsets_expected, n_items as n, n_expected,
       coalesce(n_groups, 0) as n_groups, accuracy, bounds.low as low, bounds.high as high, tie_rate, n_seen,
       case when n_items > 0 then 0.5e0 end as random, longest, shortest
from cells
left join intervals using (level, name)
where level <> 'subset' or n_votes > 0
order by list_position(['total', 'section', 'prior', 'length', 'subset'], level), list_position(
    ['all', 'Chat', 'Chat Hard', 'Safety', 'Reasoning', 'longer', 'shorter', 'neutral'], name), name
