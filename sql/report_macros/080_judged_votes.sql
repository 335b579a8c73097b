-- What the reports accuracy, margins and length-bias are made from: one row per vote of a snapshot with the rewards of
-- both sides. is_counted marks decided votes of groups that the head did not see; is_seen is NULL where that is not
-- known. hit is 1 where the chosen side has the higher reward, 0.5 where both have the same. longer is 1 where the
-- chosen side is the longer one in characters, 0.5 where both are as long, NULL where a length is not known. split
-- 'all', dataset NULL and subset NULL take everything.
create or replace macro _rm_judged_votes(head, snapshot, split, dataset, subset) as table
    with rewards as (
        select response_id, prompt_id, reward, is_seen from _rm_response_rewards(head, snapshot)
    ),
    votes as (
        select votes.preference_id, votes.chosen_id, votes.rejected_id, votes.group_id, votes.dataset, votes.subset,
               votes.split, votes.prob, votes.margin,
               case when placed.response_id is null then votes.chosen_chars end as chosen_chars,
               case when others.response_id is null then votes.rejected_chars end as rejected_chars
        from rm_pairs(snapshot) as votes
        left join _rm_without_text() as placed on placed.response_id = votes.chosen_id
        left join _rm_without_text() as others on others.response_id = votes.rejected_id
        where split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
            and (subset is null or votes.subset = subset)
    )
    select votes.preference_id, votes.group_id, votes.dataset, votes.subset, votes.split, votes.prob,
           votes.margin as given, votes.chosen_chars, votes.rejected_chars,
           0.5e0 + 0.5e0 * sign(votes.chosen_chars - votes.rejected_chars) as longer,
           chosen.reward as chosen_reward, rejected.reward as rejected_reward,
           chosen.reward - rejected.reward as margin,
           0.5e0 + 0.5e0 * sign(chosen.reward - rejected.reward) as hit,
           votes.prob > 0.5e0 as is_decided,
           chosen.is_seen or rejected.is_seen as is_seen,
           votes.prob > 0.5e0 and not coalesce(chosen.is_seen or rejected.is_seen, false) as is_counted,
           chosen.prompt_id <> rejected.prompt_id as is_cross
    from votes
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id;
