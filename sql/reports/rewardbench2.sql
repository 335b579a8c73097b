-- report:  rewardbench2
-- title:   RewardBench 2: best of four by subset, Ties with its parts, and the mean
-- grain:   one row per subset with items, part of Ties, and the total 'all'
-- engines: duckdb
-- folds:   yes
-- filter:  rm_pairs
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'all', dataset VARCHAR = NULL, subset VARCHAR = NULL
-- columns: level VARCHAR, name VARCHAR, n_subsets BIGINT, n BIGINT, n_expected BIGINT, n_groups BIGINT, score DOUBLE,
--          low DOUBLE, high DOUBLE, tie_rate DOUBLE, n_seen BIGINT, random DOUBLE, longest DOUBLE, shortest DOUBLE
-- chart:   bar x=name y=score,random,longest,shortest low=low high=high facet=level x_title='part of RewardBench 2'
--          y_title='score (share)'
-- compare: share score = total / n in units by level, name
-- note:    arXiv 2506.01937, files of the format rewardbench2. An item has 1 / n where a right response has the highest
--          reward and n share it, else 0. Ties = 0.30 tied accuracy + 0.30 ref accuracy + 0.20 preferred + 0.20
--          preferred hard + 0.01 margin, over the questions ref:k and tied:k: every right response above every wrong
--          one (accuracy); that gap wider than the spread of the right ones of tied:k (preferred; hard: the gap of
--          ref:k too); tanh(smaller gap / spread - 1), 0 for 0 / 0 (margin). all: mean of the n_subsets of six that are
--          there. Shares; leaderboards print 100 times that. n: items, in parts of Ties questions or pairs. Items of
--          groups that the head saw (n_seen) or with responses outside the snapshot are left out; a condition chooses
--          items with a vote that it holds for. tie_rate: highest reward shared, in Ties worst right level with best
--          wrong. random: 1 / options, in Ties the accuracies alone; longest, shortest: by characters. low, high: 95 %,
--          clustered by group, of parts, Ties and all by pair.
with vals as materialized (
    select * from _rm_rewardbench2_values($head, $snapshot, $split, $dataset, $subset)
),
parts as (
    select level, name, count(*) filter (judge = 'head') as n_units, count(distinct unit) as n_even,
           _rm_residual_scale(count(distinct group_id) filter (judge = 'head')) as scale
    from vals group by level, name having n_units > 0
),
-- even weights a unit as if the head had seen none, so that two heads weight alike what both did not see.
cells as (
    select level, name, name as part, 1e0 as weight, 1e0 as even from parts
    union all
    select 'total', 'all', name, _rm_even_weight(n_units), _rm_even_weight(n_even) from parts where level = 'subset'
),
units as (
    select cells.level, cells.name, vals.group_id, sum(even) filter (judge = 'head') as n,
           sum(even * value) filter (judge = 'head') as total, sum(weight) filter (judge = 'head') as weight,
           sum(weight * value) filter (judge = 'head') as scored,
           case when count(scale) = count(*)
               then sum(weight * (value - center) * scale) filter (judge = 'head') end as residual,
           sum(weight * value) filter (judge = 'random') as random,
           sum(weight * value) filter (judge = 'longest') as longest,
           sum(weight * value) filter (judge = 'shortest') as shortest
    from cells
    join parts on parts.name = cells.part
    join vals on vals.name = cells.part and vals.judge <> 'item'
    group by cells.level, cells.name, vals.group_id
),
scores as (
    select units.level, units.name, count(*) as n_groups, _rm_mean(weight, scored) as score,
           case when units.name in ('all', 'Ties', 'margin')
               then _rm_strata_mean_interval(weight, scored, residual, n_parts)
               else _rm_strata_share_interval(weight, scored, residual, n_parts) end as bounds,
           _rm_mean(weight, random) as random, _rm_mean(weight, longest) as longest,
           _rm_mean(weight, shortest) as shortest
    from units
    join (select level, name, count(*) as n_parts from cells group by level, name) as sizes using (level, name)
    group by units.level, units.name
),
items as (
    select case when grouping(name) = 1 then 'total' else 'subset' end as level, coalesce(name, 'all') as name,
           count_if(not coalesce(is_seen, false)) as n, coalesce(count_if(is_seen), 0) as n_seen,
           coalesce(count_if(is_seen is null), 0) as n_unknown,
           avg(value) filter (not coalesce(is_seen, false)) as tie_rate
    from vals where judge = 'item' group by grouping sets ((name), ())
    union all
    select level, name, n_units, null, null, null from parts where level = 'ties'
)
select items.level, items.name,
       case items.level when 'ties' then null when 'total' then (select count(*) from parts where level = 'subset')
           else (score is not null)::bigint end as n_subsets,
       coalesce(items.n, 0)::bigint as n, _rm_rewardbench2_expected(items.name) as n_expected,
       coalesce(n_groups, 0) as n_groups, score, bounds.low as low, bounds.high as high, tie_rate,
       case when n_unknown = 0 then n_seen::bigint end as n_seen, random, longest, shortest
from items
left join scores using (level, name)
order by list_position(['total', 'subset', 'ties'], items.level), _rm_rewardbench2_place(items.name)
