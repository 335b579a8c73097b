-- report:  bon
-- title:   What the best of n responses by reward is worth in gold, exactly, for every n
-- grain:   one row per n, from 1 to the most candidates that a prompt has
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', attribute VARCHAR = 'gold', dataset VARCHAR = NULL,
--          min_candidates INTEGER = 2
-- columns: n BIGINT, n_prompts BIGINT, n_groups BIGINT, n_seen BIGINT, kl DOUBLE, proxy DOUBLE, gold DOUBLE,
--          gold_low DOUBLE, gold_high DOUBLE, random DOUBLE, longest DOUBLE, oracle DOUBLE, gold_best DOUBLE,
--          gain DOUBLE, regret DOUBLE
-- chart:   line x=n y=gold,proxy,random,longest,oracle low=gold_low high=gold_high
-- note:    Candidates are the distinct responses to a prompt that have the rating. Every column of row n is over the
--          same n_prompts, those with at least n (and min_candidates), of which n_seen were seen in training. Expected
--          over all draws without replacement; equal rewards share the mean of their gold. gold: pick by reward, 95 %
--          interval clustered by group. random, longest, oracle: other picks of n; gold_best: the best candidate of
--          all. gain = (gold - random) / (gold_best - random), regret = oracle - gold, kl = ln n - (n - 1) / n.
with candidates as materialized (
    select group_id, prompt_id, reward, n_chars, gold, is_seen
    from _rm_rated_rewards($head, $snapshot, $attribute, $split, $dataset)
),
prompts as materialized (
    select group_id, prompt_id, count(*) as size, avg(gold) as random, max(gold) as best, bool_or(is_seen) as is_seen
    from candidates
    group by group_id, prompt_id
    having count(*) >= $min_candidates
),
picks as (
    select 'gold' as pick, prompt_id, reward as key, gold from candidates
    union all
    select 'longest', prompt_id, n_chars, gold from candidates
    union all
    select 'oracle', prompt_id, gold, gold from candidates
),
ranked as materialized (
    select picks.pick, prompts.prompt_id, prompts.size, row_number() over by_key as rank, picks.key,
           avg(picks.gold) over (by_key range between current row and current row) as gold
    from picks
    join prompts using (prompt_id)
    window by_key as (partition by picks.pick, picks.prompt_id order by picks.key)
),
weights as materialized (
    select size, n, weights from _rm_bon_weights((select list(distinct size) from prompts))
),
-- The curves that need no interval: sums over prompts at each rank, weighted once.
sums as (
    select pick, size, list(key order by rank) as keys, list(gold order by rank) as golds
    from (select pick, size, rank, sum(key) as key, sum(gold) as gold from ranked group by pick, size, rank)
    group by pick, size
),
curves as (
    select n, sum(list_inner_product(keys, weights)) filter (pick = 'gold') as proxy,
           sum(list_inner_product(golds, weights)) filter (pick = 'longest') as longest,
           sum(list_inner_product(golds, weights)) filter (pick = 'oracle') as oracle
    from sums join weights using (size)
    group by n
),
sorted as materialized (
    select prompts.group_id, prompts.size, prompts.random, prompts.best, prompts.is_seen, lists.golds
    from prompts
    join (
        select prompt_id, list(gold order by rank) as golds from ranked where pick = 'gold' group by prompt_id
    ) as lists using (prompt_id)
),
groups as (
    select n, group_id, count(*) as m, sum(list_inner_product(golds, weights)) as gold, sum(random) as random,
           sum(best) as best, count_if(is_seen) as n_seen, count_if(is_seen is null) as n_unknown
    from sorted join weights using (size)
    group by n, group_id
)
select n, sum(m)::bigint as n_prompts, count(*) as n_groups,
       case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, ln(n) - (n - 1) / n as kl,
       any_value(proxy) / sum(m) as proxy, _rm_mean(m, gold) as gold, _rm_mean_interval(m, gold).low as gold_low,
       _rm_mean_interval(m, gold).high as gold_high, _rm_mean(m, groups.random) as random,
       any_value(longest) / sum(m) as longest, any_value(oracle) / sum(m) as oracle, _rm_mean(m, best) as gold_best,
       (sum(gold) - sum(groups.random)) / nullif(sum(best) - sum(groups.random), 0) as gain,
       (any_value(oracle) - sum(gold)) / sum(m) as regret
from groups join curves using (n)
group by n
order by n
