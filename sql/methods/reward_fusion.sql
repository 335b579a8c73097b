-- RewardFusion: arXiv 2309.16155.
--
-- Rewards smoothed over neighbours at inference: fused = sum_i w_i R_i / sum_i w_i over the response itself, with
-- weight 1, and up to k other responses of the snapshot whose vectors have a cosine of at least `threshold` with its
-- own, with the cosine as weight. Without neighbours it is the reward. One row per response of the split. All vectors are
-- compared with all, in bounded memory: time grows with the square of the snapshot.
create or replace macro rm_reward_fusion(head, snapshot, threshold := 0.9, k := 5, split := 'all') as table
    with rewards as materialized (
        select rewards.response_id, any_value(rewards.prompt_id) as prompt_id, any_value(rewards.group_id) as group_id,
               any_value(rewards.split) as split, any_value(rewards.reward)::double as reward
        from rm_rewards(head, snapshot) as rewards
        group by rewards.response_id
    ),
    neighbours as (
        select found.id, found.similarity, others.reward
        from _rm_neighbours(
            snapshot, 'response',
            (select list({'id': rewards.response_id, 'group': rewards.response_id} order by rewards.response_id)
             from rewards where split in (rewards.split, 'all')),
            (select list({'id': rewards.response_id, 'group': rewards.response_id} order by rewards.response_id)
             from rewards), k, 'cosine') as found
        join rewards as others on others.response_id = found.neighbour_id
        where found.similarity >= threshold
    ),
    sums as (
        select id, count(*) as n, sum(similarity) as weight, sum(similarity * reward) as total
        from neighbours
        group by id
    )
    select rewards.prompt_id, rewards.group_id, rewards.response_id, rewards.split, rewards.reward,
           coalesce(sums.n, 0) as n_neighbours,
           (rewards.reward + coalesce(sums.total, 0e0)) / (1 + coalesce(sums.weight, 0e0)) as fused
    from rewards
    left join sums on sums.id = rewards.response_id
    where split in (rewards.split, 'all')
    order by rewards.response_id;
comment on macro table rm_reward_fusion is
    'rewards averaged with those of up to k responses of cosine threshold or more, the response itself with weight 1';
