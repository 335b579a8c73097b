-- Votes outside the training split, by data set and split: those with a side in a group that the head saw (NULL where
-- that is not known), all of them, and the groups that the head saw. No rows without a head.
create or replace macro _rm_seen_votes(head, snapshot) as table
    with trained as (
        select distinct training.group_id
        from rm.main.head_training as training
        join rm.main.heads as heads using (head_id)
        where heads.name || '@' || heads.version = head and heads.dropped_at is null
    ),
    votes as (
        select votes.dataset || ' ' || votes.split as side, votes.preference_id,
               votes.group_id in (from trained) or prompts.group_id in (from trained) as is_seen
        from rm_pairs(snapshot) as votes
        join rm.main.responses as others on others.response_id = votes.rejected_id
        join rm.main.prompts as prompts on prompts.prompt_id = others.prompt_id
        where votes.split <> 'train' and head is not null
    ),
    known as (
        select count(*) as n from trained
    )
    select 10 as place, 'vote seen by head' as kind, votes.side as "left", head as "right",
           case when any_value(known.n) > 0 then count_if(votes.is_seen) end as n, count(*) as n_left,
           nullif(any_value(known.n), 0) as n_right, false as is_sample, null::varchar as example
    from votes
    cross join known
    group by votes.side;
