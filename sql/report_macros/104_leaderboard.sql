-- What the report leaderboard reads: the heads, and every vote as each of them judges it. versions 'default' takes the
-- version that a bare name means, 'all' every one.

-- One row per head, with the reason why it cannot score the snapshot, NULL where it can.
create or replace macro _rm_entrants(snapshot, versions) as table
    select entrant.head_id as head_id, heads.name || '@' || heads.version as head, heads.kind, heads.objective,
           heads.temperature, entrant.reason as reason
    from (select unnest(_rm_entrant_list(snapshot, versions)) as entrant)
    join rm.main.heads as heads on heads.head_id = entrant.head_id;

-- The reward of every head for every response; a response of several policies has several rows.
create or replace macro _rm_rewards_of_all(snapshot, versions) as table
    from query(_rm_leaderboard_sql(snapshot, versions));

-- One row per head and decided vote: hit (equal rewards count half), nll on the head's temperature (NULL where its
-- scores are ratings), longest, the hit of length (NULL where a text was not published), and whether the head saw a
-- side's group in training (NULL where unknown).
create or replace macro _rm_head_judgements(snapshot, versions, split, dataset, subset) as table
    with entrants as materialized (
        select head_id, temperature, objective,
               head_id in (select training.head_id from rm.main.head_training as training) as is_known
        from _rm_entrants(snapshot, versions)
        where reason is null
    ),
    votes as materialized (
        select votes.preference_id, votes.dataset, votes.group_id, others.group_id as other_group_id, votes.chosen_id,
               votes.rejected_id, votes.prob, 0.5e0 + 0.5e0 * sign(chosen.n_chars - rejected.n_chars) as longest
        from rm_pairs(snapshot) as votes
        join _rm_text_lengths() as chosen on chosen.response_id = votes.chosen_id
        join _rm_text_lengths() as rejected on rejected.response_id = votes.rejected_id
        join rm.main.responses as responses on responses.response_id = votes.rejected_id
        join rm.main.prompts as others on others.prompt_id = responses.prompt_id
        where votes.prob > 0.5e0 and split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
            and (subset is null or votes.subset = subset)
    ),
    rewards as materialized (
        select head_id, response_id, any_value(reward) as reward
        from _rm_rewards_of_all(snapshot, versions)
        where response_id in (select chosen_id from votes union select rejected_id from votes)
        group by head_id, response_id
    ),
    judged as (
        from _rm_margins('votes', 'rewards')
    )
    select entrants.head_id, judged.preference_id, judged.dataset, judged.group_id, judged.longest,
           0.5e0 + 0.5e0 * sign(judged.margin) as hit,
           case when entrants.objective <> 'squared' then
               _rm_vote_nll(judged.margin / entrants.temperature, judged.prob) end as nll,
           case when entrants.is_known then
               (entrants.head_id, judged.group_id) in (select (head_id, group_id) from rm.main.head_training)
               or (entrants.head_id, judged.other_group_id) in (select (head_id, group_id) from rm.main.head_training)
           end as is_seen
    from judged
    join entrants using (head_id);
