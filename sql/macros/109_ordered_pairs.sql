-- Pairs of responses with a known order: the decided votes of a snapshot or, where an attribute is given, any two
-- responses to a prompt that are rated differently. prob is that the first is preferred.
create or replace macro _rm_ordered_pairs(snapshot, split, dataset, subset, attribute) as table
    with golds as (
        select ratings.response_id, avg(ratings.value) as gold
        from rm.main.ratings as ratings
        where ratings.attribute = attribute and isfinite(ratings.value)
        group by ratings.response_id
    ),
    rated as materialized (
        select distinct "rows".prompt_id, "rows".group_id, "rows".response_id, golds.gold
        from rm_rows(snapshot) as "rows"
        join golds using (response_id)
        where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
            and (subset is null or "rows".subset = subset)
    )
    select votes.preference_id::varchar as pair_id, votes.group_id, votes.chosen_id as better_id,
           votes.rejected_id as worse_id, votes.prob
    from rm_pairs(snapshot) as votes
    where attribute is null and votes.prob > 0.5e0 and split in (votes.split, 'all')
        and (dataset is null or votes.dataset = dataset) and (subset is null or votes.subset = subset)
    union all
    select better.response_id || '/' || worse.response_id, better.group_id, better.response_id, worse.response_id, 1e0
    from rated as better
    join rated as worse using (prompt_id)
    where better.gold > worse.gold;

-- The same with what a head says of them: hit is 1 where the better one has the higher reward, 0.5 where both have the
-- same; error is |prob - P(better preferred)| on the head's temperature. head is an exact version.
create or replace macro _rm_judged_pairs(head, snapshot, split, dataset, subset, attribute) as table
    with rewards as (
        select rewards.response_id, any_value(rewards.reward)::double as reward,
               any_value(heads.temperature) as temperature, bool_or(rewards.seen_in_training) as is_seen
        from rm_rewards(head, snapshot) as rewards
        join rm.main.heads as heads
            on heads.name || '@' || heads.version = head and heads.dropped_at is null
        group by rewards.response_id
    ),
    gaps as (
        select pairs.pair_id, pairs.group_id, pairs.better_id, pairs.worse_id, pairs.prob,
               better.reward - worse.reward as gap, better.temperature, better.is_seen or worse.is_seen as is_seen
        from _rm_ordered_pairs(snapshot, split, dataset, subset, attribute) as pairs
        join rewards as better on better.response_id = pairs.better_id
        join rewards as worse on worse.response_id = pairs.worse_id
    )
    select pair_id, group_id, better_id, worse_id, is_seen, 0.5e0 + 0.5e0 * sign(gap) as hit,
           abs(prob - exp(-_rm_softplus(-gap / temperature))) as error
    from gaps;
