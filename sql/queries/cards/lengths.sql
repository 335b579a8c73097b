-- Accuracy by whether the chosen response is the longer one: votes of the test split whose groups the head did not see.
with rewards as (
    select response_id, any_value(reward) as reward, bool_or(seen_in_training) as is_seen
    from rm_rewards($head, $snapshot)
    where split = 'test'
    group by response_id
),
pairs as (
    select votes.group_id,
           case sign(votes.chosen_chars - votes.rejected_chars) when 1 then 'longer' when -1 then 'shorter'
               else 'equal' end as chosen_is,
           0.5e0 + 0.5e0 * sign(chosen.reward - rejected.reward) as hit
    from rm_pairs($snapshot) as votes
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id
    where votes.split = 'test' and votes.prob > 0.5e0 and not coalesce(chosen.is_seen or rejected.is_seen, false)
),
groups as (
    select chosen_is, group_id, count(*) as n, sum(hit) as hits from pairs group by chosen_is, group_id
)
select chosen_is, sum(n)::bigint as n_pairs, count(*) as n_groups, _rm_mean(n, hits) as accuracy,
       _rm_share_interval(n, hits).low as low, _rm_share_interval(n, hits).high as high
from groups
group by chosen_is
order by chosen_is
