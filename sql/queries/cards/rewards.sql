-- Rewards of the test split's responses in groups that the head did not see: their scale, and how they go with length.
-- length_correlation is Spearman's, within a prompt, averaged over prompts where neither column is constant.
with rewards as (
    select response_id, prompt_id, any_value(reward)::double as reward, any_value(n_chars) as n_chars
    from rm_rewards($head, $snapshot)
    where split = 'test' and not coalesce(seen_in_training, false)
    group by response_id, prompt_id
),
ranked as (
    select prompt_id,
           rank() over by_reward + (count(*) over (partition by prompt_id, reward) - 1) / 2e0 as reward_rank,
           rank() over by_length + (count(*) over (partition by prompt_id, n_chars) - 1) / 2e0 as length_rank
    from rewards
    window by_reward as (partition by prompt_id order by reward),
           by_length as (partition by prompt_id order by n_chars)
),
prompts as (
    select corr(reward_rank, length_rank) as correlation
    from ranked
    group by prompt_id
    having min(reward_rank) < max(reward_rank) and min(length_rank) < max(length_rank)
)
select count(*) as responses, avg(reward) as mean, stddev_pop(reward) as deviation, min(reward) as lowest,
       max(reward) as highest, (select avg(correlation) from prompts) as length_correlation,
       (select count(*) from prompts) as length_prompts
from rewards
