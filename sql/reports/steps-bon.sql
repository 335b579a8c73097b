-- report:  steps-bon
-- title:   Which aggregate of step scores picks the best of n solutions, and how far it follows their number of steps
-- grain:   one row per aggregate and n, a power of 2
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, source VARCHAR = NULL,
--          attribute VARCHAR = NULL, max_n INTEGER = 1024
-- columns: aggregate VARCHAR, n BIGINT, n_prompts BIGINT, n_groups BIGINT, n_seen BIGINT, gold DOUBLE, low DOUBLE,
--          high DOUBLE, random DOUBLE, longest DOUBLE, shortest DOUBLE, oracle DOUBLE, n_varied BIGINT,
--          spearman_steps DOUBLE, steps_low DOUBLE, steps_high DOUBLE
-- chart:   line x=n y=gold color=aggregate x_scale=log x_title='solutions to pick from, n'
--          y_title='share of picks that are right, or gold rating of the pick'
-- compare: gold = total / m in groups by aggregate, n
-- filter:  rm_step_rewards
-- note:    Aggregates of arXiv 2311.05821: rm_steps_min, _prod, _mean_log (geometric mean), _mean, _max, _last. gold: 1
--          where no step of the pick is labelled wrong, 0 where one is; with an attribute, its mean rating. Best-of-n
--          as in bon: exact, over prompts with at least n solutions that are labelled (or rated) and whose group the
--          head did not see in training (n_seen others; NULL where unknown); equal scores share the mean of their gold.
--          random: any solution; longest, shortest: the most and the fewest steps; oracle: picks by gold. low, high:
--          95 % interval by groups, Wilson's for a share. spearman_steps: of score and number of steps, the mean over
--          the n_varied of these prompts where both vary, with its interval; 0 is free of length.
with prompts as materialized (
    select aggregate, group_id, prompt_id, is_seen, random, size, rho, curve
    from _rm_step_curves($head, $snapshot, $source, $attribute, $split, $dataset, $max_n)
),
points as (
    select aggregate, group_id, prompt_id, is_seen, random, rho, unnest(range(1, size + 1)) as n, unnest(curve) as gold
    from prompts
),
picks as (
    select aggregate, group_id, is_seen, (not coalesce(is_seen, false))::bigint as m, random, n, gold,
           case when not coalesce(is_seen, false) then rho end as rho,
           max(gold) filter (aggregate = 'longest') over same as longest,
           max(gold) filter (aggregate = 'shortest') over same as shortest,
           max(gold) filter (aggregate = 'oracle') over same as oracle
    from points
    where n & (n - 1) = 0
    window same as (partition by prompt_id, n)
),
groups as (
    select aggregate, n, group_id, sum(m)::bigint as m, count_if(is_seen) as n_seen,
           count_if(is_seen is null) as n_unknown, sum(m * gold) as total, sum(m * random) as random,
           sum(m * longest) as longest, sum(m * shortest) as shortest, sum(m * oracle) as oracle,
           count(rho) as n_varied, coalesce(sum(rho), 0e0) as rho
    from picks
    where aggregate not in ('longest', 'shortest', 'oracle')
    group by aggregate, n, group_id
)
select aggregate, n, sum(m)::bigint as n_prompts, count_if(m > 0)::bigint as n_groups,
       case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, _rm_mean(m, total) as gold,
       if($attribute is null, _rm_share_interval(m, total).low, _rm_mean_interval(m, total).low) as low,
       if($attribute is null, _rm_share_interval(m, total).high, _rm_mean_interval(m, total).high) as high,
       _rm_mean(m, groups.random) as random, _rm_mean(m, groups.longest) as longest,
       _rm_mean(m, groups.shortest) as shortest, _rm_mean(m, groups.oracle) as oracle,
       sum(groups.n_varied)::bigint as n_varied, _rm_correlation_mean(groups.n_varied, rho).mean as spearman_steps,
       _rm_correlation_mean(groups.n_varied, rho).low as steps_low,
       _rm_correlation_mean(groups.n_varied, rho).high as steps_high
from groups
group by aggregate, n
order by n, list_position(['min', 'prod', 'geometric mean', 'mean', 'max', 'last'], aggregate)
