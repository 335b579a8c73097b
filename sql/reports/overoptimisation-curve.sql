-- report:  overoptimisation-curve
-- title:   What the best of n gains in reward and in gold, over the distance from the policy that it draws from
-- grain:   one row per n, from 1 to last_n of the report overoptimisation; one without n where no prompt fits
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', attribute VARCHAR = 'gold', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL, min_candidates INTEGER = NULL
-- columns: n BIGINT, kl DOUBLE, distance DOUBLE, n_prompts BIGINT, n_groups BIGINT, n_seen BIGINT, n_mixed BIGINT,
--          n_short BIGINT, gold DOUBLE, gold_gain DOUBLE, low DOUBLE, high DOUBLE, fitted DOUBLE,
--          proxy_gain DOUBLE, gap DOUBLE, random DOUBLE
-- chart:   line x=distance y=gold_gain,proxy_gain,fitted,random low=low high=high
--          x_title='distance from the policy, square root of KL in nats'
--          y_title='gain over one candidate, in standard deviations within a prompt'
-- compare: gold_gain = gain / m in groups by n
-- filter:  rm_rewards
-- note:    Same prompts, n_seen, n_mixed and n_short as in overoptimisation. gold is in the units of the rating; gains
--          over n = 1 are in standard deviations of gold and of reward within prompts (root of the mean variance), so
--          that they compare: gap is what the reward promises and gold does not hold. low, high: 95 %
--          interval of gold_gain by group, the standard deviation taken as given. fitted: d (a - b d).
--          random: no choice at all.
with prompts as materialized (
    select group_id, is_used, is_seen, is_mixed, is_short, last_n, curves[1] as proxy, curves[2] as gold,
           nullif(gold_scale, 0) as gold_scale, nullif(proxy_scale, 0) as proxy_scale
    from _rm_overoptimisation_prompts($head, $snapshot, $attribute, $split, $dataset, $subset, $min_candidates)
),
counts as (
    select _rm_left_out(is_seen, is_mixed, is_short) as left_out, max(last_n) as last_n from prompts
),
points as (
    select group_id, unnest(range(1, last_n + 1)) as n, unnest(gold[:last_n]) as gold,
           unnest(proxy[:last_n]) as proxy, gold[1] as first_gold, proxy[1] as first_proxy, gold_scale, proxy_scale
    from prompts
    where is_used
),
groups as (
    select n, group_id, count(*) as m, sum(gold) as gold, sum((gold - first_gold) / gold_scale) as gain,
           sum((proxy - first_proxy) / proxy_scale) as proxy_gain
    from points
    group by n, group_id
),
means as (
    select n, _rm_bon_kl(n) as kl, sum(m)::bigint as n_prompts, count(*) as n_groups, _rm_mean(m, gold) as gold,
           _rm_mean(m, gain) as gold_gain, _rm_mean_interval(m, gain) as bounds, _rm_mean(m, proxy_gain) as proxy_gain
    from groups
    group by n
),
fit as (
    select rm_overoptimisation_fit(distance, gold_gain) as fit
    from (
        select sqrt(kl) as distance, gold_gain
        from means
        join (select unnest(_rm_bon_grid(last_n)) as n from counts) using (n)
    )
)
select n, kl, sqrt(kl) as distance, coalesce(n_prompts, 0) as n_prompts, coalesce(n_groups, 0) as n_groups,
       left_out.n_seen, left_out.n_mixed, left_out.n_short, gold, gold_gain, bounds.low as low,
       bounds.high as high, sqrt(kl) * (fit.a - fit.b * sqrt(kl)) as fitted,
       proxy_gain, proxy_gain - gold_gain as gap, case when n is not null then 0e0 end as random
from counts cross join fit left join means on true
order by n
