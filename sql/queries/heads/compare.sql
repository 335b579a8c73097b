-- Two heads on the same votes: those that decide, of the split, whose sides both heads can score and whose groups
-- neither saw in training. difference is accuracy a less accuracy b over the same pairs, its 95 % interval by whole
-- groups; agreement the share of pairs that both rank alike; equal rewards count half, and alike only with their like.
-- rank_correlation is Spearman's of the two rewards within a prompt, averaged over prompts where neither is constant.
with first as (
    select response_id, prompt_id, any_value(reward)::double as reward, bool_or(seen_in_training) as is_seen
    from rm_rewards($a, $snapshot_a)
    where $split in (split, 'all')
    group by response_id, prompt_id
),
second as (
    select response_id, any_value(reward)::double as reward, bool_or(seen_in_training) as is_seen
    from rm_rewards($b, $snapshot_b)
    where $split in (split, 'all')
    group by response_id
),
rewards as (
    select first.response_id, first.prompt_id, first.reward as a, second.reward as b,
           first.is_seen or second.is_seen as is_seen
    from first
    join second using (response_id)
),
pairs as (
    select votes.group_id, chosen.is_seen or rejected.is_seen as is_seen,
           sign(chosen.a - rejected.a) as rank_a, sign(chosen.b - rejected.b) as rank_b
    from rm_pairs($snapshot_a) as votes
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id
    where votes.prob > 0.5e0
),
groups as (
    select group_id, count(*) as n, sum(0.5e0 + 0.5e0 * rank_a) as hits_a, sum(0.5e0 + 0.5e0 * rank_b) as hits_b,
           sum((rank_a - rank_b) / 2e0) as gained, count_if(rank_a = rank_b) as agreed
    from pairs
    where not coalesce(is_seen, false)
    group by group_id
),
ranked as (
    select prompt_id,
           rank() over by_a + (count(*) over (partition by prompt_id, a) - 1) / 2e0 as rank_a,
           rank() over by_b + (count(*) over (partition by prompt_id, b) - 1) / 2e0 as rank_b
    from rewards
    where not coalesce(is_seen, false)
    window by_a as (partition by prompt_id order by a), by_b as (partition by prompt_id order by b)
),
prompts as (
    select corr(rank_a, rank_b) as correlation
    from ranked
    group by prompt_id
    having min(rank_a) < max(rank_a) and min(rank_b) < max(rank_b)
)
select coalesce(sum(n), 0)::bigint as n_pairs, count(*) as n_groups,
       (select case when count(is_seen) = count(*) then count(*) filter (is_seen) end from pairs) as n_seen,
       _rm_mean(n, hits_a) as accuracy_a, _rm_mean(n, hits_b) as accuracy_b,
       _rm_mean(n, gained) as difference,
       _rm_paired_share_interval(_rm_mean(n, gained), _rm_mean_variance(n, gained), count(*)).low as low,
       _rm_paired_share_interval(_rm_mean(n, gained), _rm_mean_variance(n, gained), count(*)).high as high,
       _rm_mean(n, agreed) as agreement,
       (select avg(correlation) from prompts) as rank_correlation, (select count(*) from prompts) as n_prompts
from groups
