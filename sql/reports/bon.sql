-- report:  bon
-- title:   What the best of n responses by reward is worth in gold, exactly, for every n
-- grain:   one row per n, from 1 to the most candidates that a prompt has
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', attribute VARCHAR = 'gold', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL, min_candidates INTEGER = 2, max_n INTEGER = 1000
-- columns: n BIGINT, n_prompts BIGINT, n_groups BIGINT, n_seen BIGINT, kl DOUBLE, proxy DOUBLE, gold DOUBLE,
--          low DOUBLE, high DOUBLE, random DOUBLE, longest DOUBLE, shortest DOUBLE, oracle DOUBLE,
--          gold_best DOUBLE, gain DOUBLE, regret DOUBLE, quantile DOUBLE, failure DOUBLE
-- chart:   line x=n y=gold,random,longest,shortest,oracle low=low high=high x_scale=log
--          x_title='candidates to pick from, n' y_title='gold rating of the pick'
-- compare: gold = gold / m in groups by n
-- filter:  rm_rewards
-- note:    Candidates are the distinct responses to a prompt that have the rating. Every column of row n is over the
--          same n_prompts, those with at least n (and min_candidates) whose group the head did not see in training; it
--          saw n_seen others (NULL where unknown). Expected over all draws without replacement, by the closed form of
--          arXiv 2310.02743; equal keys share the mean of their gold. gold: pick by reward, 95 % interval clustered by
--          group. random, longest, shortest, oracle: other picks of n, by length NULL where no text was published;
--          gold_best: the best candidate of all. gain = (gold - random) / (gold_best - random), regret = oracle - gold.
--          kl = ln n - (n - 1) / n nats from the policy that wrote the candidates; NULL where those of some prompt come
--          from several or unknown ones (see overoptimisation). quantile: share of a prompt's candidates whose gold is
--          at most the pick's; failure: chance that it is 0.5 or less (the evaluation code of arXiv 2502.04357 calls
--          that binary accuracy).
with candidates as (
    select group_id, prompt_id, policy, reward, n_chars, gold, is_seen, (not coalesce(is_seen, false))::bigint as m,
           cume_dist() over (partition by prompt_id order by gold) as quantile
    from _rm_rated_rewards($head, $snapshot, $attribute, $split, $dataset, $subset)
),
-- m is 1 for a prompt that counts, 0 for one of a group that the head saw: it needs no curve.
prompts as (
    select group_id, prompt_id, least(count(*), $max_n) as size, bool_or(is_seen) as is_seen, any_value(m) as m,
           avg(gold) as random, max(gold) as best, max(abs(gold)) as most, _rm_is_mixed(policy) as is_mixed,
           _rm_bon_curves(list({'by': reward, 'proxy': reward, 'gold': gold, 'quantile': quantile,
               'failure': (quantile <= 0.5e0)::double}) filter (m = 1), $max_n) as picks,
           count(n_chars) as n_lengths,
           _rm_bon_curves(list({'by': coalesce(n_chars, 0), 'gold': gold}) filter (m = 1), $max_n)[1] as longest,
           _rm_bon_curves(list({'by': -coalesce(n_chars, 0), 'gold': gold}) filter (m = 1), $max_n)[1] as shortest,
           _rm_bon_curves(list({'by': gold, 'gold': gold}) filter (m = 1), $max_n)[1] as oracle
    from candidates
    group by group_id, prompt_id
    having count(*) >= $min_candidates
),
curves as (
    select group_id, m, is_seen, is_mixed, random, best, most, n_lengths, unnest(range(1, size + 1)) as n,
           unnest(picks[1]) as proxy, unnest(picks[2]) as gold, unnest(picks[3]) as quantile,
           unnest(picks[4]) as failure, unnest(longest) as longest, unnest(shortest) as shortest, unnest(oracle) as oracle
    from prompts
),
groups as (
    select n, group_id, sum(m)::bigint as m, count_if(is_seen) as n_seen, count_if(is_seen is null) as n_unknown,
           sum(m * proxy) as proxy, sum(m * gold) as gold, sum(m * random) as random, sum(m * longest) as longest,
           sum(m * shortest) as shortest, sum(m * oracle) as oracle, sum(m * best) as best,
           sum(m * _rm_pick_gap(oracle, gold, most)) as regret, sum(m * _rm_pick_gap(gold, random, most)) as gained,
           sum(m * _rm_pick_gap(best, gold, most)) as missed, sum(m * quantile) as quantile,
           sum(m * failure) as failure, sum(m * n_lengths) as n_lengths, sum(m * is_mixed::integer) as n_mixed
    from curves
    group by n, group_id
),
means as (
    select n, sum(m)::bigint as n_prompts, count_if(m > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen, _rm_mean(m, proxy) as proxy,
           _rm_mean(m, gold) as gold, _rm_mean_interval(m, gold) as interval, _rm_mean(m, random) as random,
           case when sum(n_lengths) > 0 then _rm_mean(m, longest) end as longest,
           case when sum(n_lengths) > 0 then _rm_mean(m, shortest) end as shortest, _rm_mean(m, oracle) as oracle,
           _rm_mean(m, best) as gold_best, _rm_mean(m, regret) as regret, _rm_mean(m, gained) as gained,
           _rm_mean(m, missed) as missed, sum(n_mixed) as n_mixed, _rm_mean(m, quantile) as quantile,
           _rm_mean(m, failure) as failure
    from groups
    group by n
)
select n, n_prompts, n_groups, n_seen, case when n_prompts > 0 and n_mixed = 0 then _rm_bon_kl(n) end as kl, proxy,
       gold, interval.low as low, interval.high as high, random, longest, shortest, oracle, gold_best,
       case when gained + missed > 0 then gained / (gained + missed) end as gain, regret, quantile, failure
from means
order by n
