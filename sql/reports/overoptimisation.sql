-- report:  overoptimisation
-- title:   Where more optimisation against a head's reward stops paying in gold
-- grain:   one row
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', attribute VARCHAR = 'gold', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL, min_candidates INTEGER = NULL, seed INTEGER = 0, replicates INTEGER = 1000
-- columns: n_prompts BIGINT, n_groups BIGINT, n_seen BIGINT, n_mixed BIGINT, n_short BIGINT, last_n BIGINT,
--          a DOUBLE, a_low DOUBLE, a_high DOUBLE, b DOUBLE, b_low DOUBLE, b_high DOUBLE, peak DOUBLE, peak_low DOUBLE,
--          peak_high DOUBLE, peak_share DOUBLE, fitted_n DOUBLE, observed_n BIGINT, first_gold DOUBLE,
--          peak_gold DOUBLE, last_gold DOUBLE, drop DOUBLE, drop_low DOUBLE, drop_high DOUBLE
-- compare: a = a / m in fits
-- filter:  rm_rewards
-- note:    Gold of the best of n by reward, less that of n = 1, is fitted by d (a - b d), d = sqrt(KL) in nats, over up
--          to 25 n spread evenly on a log scale to last_n (Gao et al., arXiv 2210.10760). Only prompts whose candidates
--          come from one policy have that KL; n_mixed others, n_short with too few candidates and n_seen of groups that
--          the head saw in training (NULL where unknown) are left out. 95 % intervals: of a and b by group; of peak
--          = a / (2 b) by bootstrap over the replicates that have one, whose share is peak_share. fitted_n: the n of
--          that distance, also beyond last_n. observed_n: where gold is highest; drop: from there to last_n, its
--          interval for that n as if it had not been chosen, so too sure.
with prompts as materialized (
    select group_id, is_used, is_seen, is_mixed, is_short, last_n, curves[2] as gold
    from _rm_overoptimisation_prompts($head, $snapshot, $attribute, $split, $dataset, $subset, $min_candidates)
),
counts as materialized (
    select count(*) filter (is_used) as n_prompts, count(distinct group_id) filter (is_used) as n_groups,
           _rm_left_out(is_seen, is_mixed, is_short) as left_out, max(last_n) as last_n
    from prompts
),
groups as materialized (
    select n, group_id, last_n, count(*) as m, sum(gold) as gold, sum(first) as first, sum(last) as last
    from (
        select group_id, last_n, unnest(range(1, last_n + 1)) as n, unnest(gold[:last_n]) as gold, gold[1] as first,
               gold[last_n] as last
        from prompts
        where is_used
    )
    group by n, group_id, last_n
),
tops as (
    select n, sum(gold) / sum(m) as gold, sum(first) / sum(m) as first, sum(last) / sum(m) as last
    from groups
    group by n
    qualify sum(gold) / sum(m) >= max(sum(gold) / sum(m)) over () - 1e-12 * abs(max(sum(gold) / sum(m)) over ())
    order by n limit 1
),
drops as (
    select _rm_mean_interval(m, total) as bounds
    from (select m, groups.gold - groups.last as total from groups join tops using (n) where n < last_n)
),
fits as materialized (
    select group_id, m, fit.a as a, fit.b as b
    from (
        select group_id, m, rm_overoptimisation_fit(
                   sqrt(_rm_bon_kl(n)), _rm_pick_gap(gold, first, abs(gold) + abs(first))) as fit
        from groups
        join (select unnest(_rm_bon_grid(last_n)) as n from counts) using (n)
        group by group_id, m
    )
),
fit as (
    select _rm_mean(m, a) as a, _rm_mean_interval(m, a) as a_bounds, _rm_mean(m, b) as b,
           _rm_mean_interval(m, b) as b_bounds, _rm_summed_peak(a, b) as peak
    from fits
),
peaks as (
    select bounds, share from _rm_peak_interval((select list(fits) from fits), $seed, $replicates)
)
select n_prompts, n_groups, left_out.n_seen, left_out.n_mixed, left_out.n_short, last_n, a, a_bounds.low as a_low,
       a_bounds.high as a_high, b, b_bounds.low as b_low, b_bounds.high as b_high, fit.peak,
       peaks.bounds.low as peak_low, peaks.bounds.high as peak_high, if(b is null, null, share) as peak_share,
       _rm_bon_n(fit.peak**2) as fitted_n, n as observed_n, first as first_gold, gold as peak_gold,
       last as last_gold, gold - last as drop, drops.bounds.low as drop_low, drops.bounds.high as drop_high
from counts cross join fit left join peaks on true left join tops on true left join drops on true
order by n_prompts
