-- Pairs of responses with a known order, and what a head says of them: the decided votes of a snapshot or, where an
-- attribute is given, any two responses to a prompt that are rated differently. prob is that the better is preferred;
-- hit is 1 where it has the higher reward, 0.5 where both have the same; error is |prob - P(better preferred)| on the
-- head's temperature. head is an exact version; split 'all' and NULL take everything.
create or replace macro _rm_judged_pairs(head, snapshot, split, dataset, subset, attribute) as table
    with rewards as materialized (
        select rewards.response_id, rewards.reward / heads.temperature as reward, rewards.is_seen
        from _rm_response_rewards(head, snapshot) as rewards
        join rm.main.heads as heads
            on heads.name || '@' || heads.version = head and heads.dropped_at is null
    ),
    -- With their rewards before they are paired, since a prompt with 500 responses has 124,750 pairs.
    rated as materialized (
        select distinct "rows".dataset, "rows".prompt_id, "rows".group_id, "rows".response_id, golds.gold,
               rewards.reward, rewards.is_seen
        from rm_rows(snapshot) as "rows"
        join _rm_golds(attribute) as golds using (response_id)
        join rewards using (response_id)
        where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
            and (subset is null or "rows".subset = subset)
    ),
    gaps as (
        select votes.preference_id::varchar as pair_id, votes.dataset, votes.group_id, votes.chosen_id as better_id,
               votes.rejected_id as worse_id, votes.prob, better.reward - worse.reward as gap,
               better.is_seen or worse.is_seen as is_seen
        from rm_pairs(snapshot) as votes
        join rewards as better on better.response_id = votes.chosen_id
        join rewards as worse on worse.response_id = votes.rejected_id
        where attribute is null and votes.prob > 0.5e0 and split in (votes.split, 'all')
            and (dataset is null or votes.dataset = dataset) and (subset is null or votes.subset = subset)
        union all
        select better.response_id || '/' || worse.response_id, better.dataset, better.group_id, better.response_id,
               worse.response_id, 1e0, better.reward - worse.reward, better.is_seen
        from rated as better
        join rated as worse on worse.prompt_id = better.prompt_id and worse.dataset = better.dataset
        where better.gold > worse.gold
    )
    select gaps.pair_id, gaps.dataset, gaps.group_id, gaps.better_id, gaps.worse_id, gaps.is_seen,
           0.5e0 + 0.5e0 * sign(gaps.gap) as hit, abs(gaps.prob - exp(-_rm_softplus(-gaps.gap))) as error
    from gaps;
