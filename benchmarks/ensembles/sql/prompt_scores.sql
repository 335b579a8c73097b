-- One row per method and prompt: how the rewards of study.rewards agree with gold.
--
-- n_pairs, hits: pairs of its responses with different gold, and those ranked right; an equal reward is half a hit.
-- n_tied: pairs of equal gold, left out. spearman: with average ranks; NULL where reward or gold is constant.
-- bon_<n>: expected gold of the highest reward among n responses drawn without replacement, in closed form; NULL
-- where there are fewer. bon_all: gold of the highest reward of all.
create or replace table study.prompt_scores as
with pairs as (
    select a.method, a.prompt_id,
           if(a.gold = b.gold, null, 0.5e0 + 0.5e0 * sign((a.reward - b.reward) * (a.gold - b.gold))) as hit
    from study.rewards as a
    join study.rewards as b
        on b.method = a.method and b.prompt_id = a.prompt_id and b.response_id > a.response_id
),
accuracies as (
    select method, prompt_id, count(hit) as n_pairs, coalesce(sum(hit), 0) as hits, count(*) - count(hit) as n_tied
    from pairs
    group by method, prompt_id
),
ranked as (
    select method, prompt_id, row_number() over by_reward as place,
           rank() over by_reward + (count(*) over (partition by method, prompt_id, reward) - 1) / 2e0 as reward_rank,
           rank() over by_gold + (count(*) over (partition by method, prompt_id, gold) - 1) / 2e0 as gold_rank,
           avg(gold) over (partition by method, prompt_id, reward) as gold
    from study.rewards
    window by_reward as (partition by method, prompt_id order by reward),
           by_gold as (partition by method, prompt_id order by gold)
),
sorted as (
    select method, prompt_id, count(*) as size, list(gold order by place) as golds,
           case when stddev_pop(reward_rank) > 0 and stddev_pop(gold_rank) > 0 then corr(reward_rank, gold_rank) end
               as spearman
    from ranked
    group by method, prompt_id
),
weights as (
    select size, n, weights
    from _rm_bon_weights((select list(distinct size) from sorted))
    where n in (2, 5, 10, 20, size)
),
picks as (
    select sorted.method, sorted.prompt_id, weights.n, weights.n = sorted.size as is_all,
           list_inner_product(sorted.golds, weights.weights) as gold
    from sorted
    join weights using (size)
)
select accuracies.*, sorted.spearman, any_value(picks.gold) filter (n = 2) as bon_2,
       any_value(picks.gold) filter (n = 5) as bon_5, any_value(picks.gold) filter (n = 10) as bon_10,
       any_value(picks.gold) filter (n = 20) as bon_20, any_value(picks.gold) filter (is_all) as bon_all
from accuracies
join sorted using (method, prompt_id)
join picks using (method, prompt_id)
group by all
order by accuracies.method, accuracies.prompt_id
