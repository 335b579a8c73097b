-- report:  ensembles-bon
-- title:   What the best of n responses is worth in gold, by every rule for putting a head's members together
-- grain:   one row per rule and n, a power of 2
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', attribute VARCHAR = 'gold', penalty DOUBLE = 0.5,
--          k DOUBLE = 1.0, max_n INTEGER = 1024
-- columns: rule VARCHAR, n BIGINT, members BIGINT, n_prompts BIGINT, n_groups BIGINT, n_seen BIGINT, gold DOUBLE,
--          low DOUBLE, high DOUBLE, random DOUBLE, oracle DOUBLE, gain DOUBLE, gain_low DOUBLE, gain_high DOUBLE
-- chart:   line x=n y=gold color=rule x_scale=log x_title='candidates to pick from, n'
--          y_title='gold rating of the pick'
-- compare: gold = gold / m in groups by rule, n
-- filter:  rm_rewards
-- note:    Rules as in ensembles; best-of-n as in bon: exact, over prompts with at least n rated candidates whose group
--          the head did not see in training (n_seen others; NULL where unknown). single: what one member's pick is
--          worth, on average over the members. gain: gold less single's, paired, by group (NULL bounds where nothing
--          varies). random: any candidate; oracle: picks by gold. 95 % intervals.
with golds as (
    select response_id, gold from _rm_golds($attribute)
),
candidates as (
    select scores.group_id, scores.prompt_id, scores.is_seen, scores.members, golds.gold, scores.response_id,
           unnest(list_append(scores.scores, {'rule': 'oracle', 'score': golds.gold}), recursive := true)
    from _rm_ensemble_scores($head, $snapshot, $penalty, $k) as scores
    join golds using (response_id)
    where $split in (scores.split, 'all')
),
prompts as (
    select rule, group_id, prompt_id, any_value(members) as members, bool_or(is_seen) as is_seen, avg(gold) as random,
           max(abs(gold)) as most,
           least(count(*), $max_n) as size,
           _rm_bon_curves(
               list({'by': score, 'gold': gold}) filter (not coalesce(is_seen, false)), $max_n)[1] as curve
    from candidates
    group by rule, group_id, prompt_id
    having count(*) > 1
),
points as (
    select if(rule like 'member %', 'single', rule) as rule, group_id, prompt_id, n, any_value(members) as members,
           any_value(is_seen) as is_seen, any_value(random) as random, any_value(most) as most, avg(gold) as gold
    from (
        select rule, group_id, prompt_id, members, is_seen, random, most, unnest(range(1, size + 1)) as n,
               unnest(curve) as gold
        from prompts
    )
    where n & (n - 1) = 0
    group by 1, group_id, prompt_id, n
),
paired as (
    select points.rule, points.n, points.group_id, points.members, points.is_seen, points.random, points.gold,
           _rm_pick_gap(points.gold, singles.gold, points.most) as gain, oracles.gold as oracle,
           (not coalesce(points.is_seen, false))::bigint as m
    from points
    join points as singles on singles.rule = 'single' and singles.prompt_id = points.prompt_id and singles.n = points.n
    join points as oracles on oracles.rule = 'oracle' and oracles.prompt_id = points.prompt_id and oracles.n = points.n
    where points.rule <> 'oracle'
),
groups as (
    select rule, n, group_id, any_value(members) as members, sum(m)::bigint as m,
           count(*) filter (is_seen) as n_seen, count(*) filter (is_seen is null) as n_unknown,
           sum(m * gold) as gold, sum(m * gain) as gain, sum(m * random) as random, sum(m * oracle) as oracle
    from paired
    group by rule, n, group_id
),
gains as (
    select rule, n, _rm_paired_interval(_rm_mean(m, gain), _rm_mean_variance(m, gain), count_if(m > 0)) as span
    from groups
    group by rule, n
)
select rule, n, any_value(members) as members, sum(m)::bigint as n_prompts, count(*) filter (m > 0) as n_groups,
       case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, _rm_mean(m, gold) as gold,
       _rm_mean_interval(m, gold).low as low, _rm_mean_interval(m, gold).high as high,
       _rm_mean(m, groups.random) as random, _rm_mean(m, groups.oracle) as oracle, _rm_mean(m, groups.gain) as gain,
       any_value(gains.span).low as gain_low, any_value(gains.span).high as gain_high
from groups left join gains using (rule, n)
group by rule, n
order by n, list_position(['single', 'reward', 'mean', 'wco', 'uwo', 'lcb', 'mean - std'], rule)
