-- Rewards of two sides to margins, whoever gave them.

-- One row per vote and head that gave both of its sides a reward: margin, the reward of the chosen side less that of
-- the other, beside all other columns of both. votes and rewards name tables of the caller, also of its with: votes has
-- chosen_id, rejected_id and a key; rewards has response_id, reward and, of several heads, which one. The sides are
-- rows, since two joins that share a head could be planned as one of all its rewards with each other.
create or replace macro _rm_margins(votes, rewards) as table
    with _sides as (
        select votes.* exclude (chosen_id, rejected_id), unnest([chosen_id, rejected_id]) as response_id,
               unnest([1, -1]) as sign
        from query_table(votes) as votes
    )
    select rewards.* exclude (response_id, reward), _sides.* exclude (response_id, sign),
           sum(_sides.sign * rewards.reward::double) as margin
    from _sides
    join query_table(rewards) as rewards on rewards.response_id = _sides.response_id
    group by all
    having count(*) = 2;
