-- What the members of an ensemble say together, by every rule of 050_members.sql, and each member by itself: a list of
-- {rule, score}. Rules take standardised members (rm_score_members); 'reward' is rm_score, their plain mean.
create or replace macro _rm_rule_scores(reward, members, penalty, k) as list_concat(
    [
        {'rule': 'reward', 'score': reward::double},
        {'rule': 'mean', 'score': rm_mean(members)},
        {'rule': 'wco', 'score': rm_wco(members)},
        {'rule': 'uwo', 'score': rm_uwo(members, penalty := penalty)},
        {'rule': 'lcb', 'score': rm_lcb(members, k := k)},
        {'rule': 'mean - std', 'score': rm_lcb(members, k := 1)}
    ],
    list_transform(members, lambda member, number: {'rule': 'member ' || number, 'score': member::double}));

-- Every response of a snapshot with these scores, or an error where the members are no ensemble.
create or replace macro _rm_ensemble_scores(head, snapshot, penalty, k) as table
    with kinds as (
        select case when heads.kind = 'multi'
            then error('the members of ' || head || ' are attributes, no ensemble: take a head of several members')
            else heads.kind end as kind
        from rm.main.heads as heads
        where heads.name || '@' || heads.version = head and heads.dropped_at is null
    )
    select "rows".group_id, "rows".prompt_id, "rows".response_id, bool_or("rows".seen_in_training) as is_seen,
           len(any_value("rows".members)) as members, any_value("rows".split) as split,
           _rm_rule_scores(any_value("rows".reward), any_value("rows".members), penalty, k) as scores
    from rm_rewards(head, snapshot) as "rows"
    cross join kinds
    where kinds.kind is not null
    group by "rows".group_id, "rows".prompt_id, "rows".response_id;

-- One row per vote with a preference and rule: gap of the two scores, what the rule hits, what a member hits on average
-- and how far the members' gaps disagree. is_valid marks votes of the valid split, which temperatures are fitted on;
-- is_judged those of the report.
create or replace macro _rm_ensemble_votes(head, snapshot, split, dataset, subset, penalty, k) as table
    with scores as (
        select response_id, is_seen, members, scores from _rm_ensemble_scores(head, snapshot, penalty, k)
    ),
    judged as (
        select preference_id
        from rm_pairs(snapshot) as votes
        where split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
          and (subset is null or votes.subset = subset)
    ),
    gaps as (
        select votes.preference_id, votes.group_id, votes.prob, votes.split = 'valid' as is_valid, chosen.members,
               judged.preference_id is not null as is_judged, chosen.is_seen or rejected.is_seen as is_seen,
               list_transform(list_zip(chosen.scores, rejected.scores),
                   lambda pair: {'rule': pair[1].rule, 'gap': pair[1].score - pair[2].score}) as gaps
        from _rm_all_pairs(snapshot) as votes
        join scores as chosen on chosen.response_id = votes.chosen_id
        join scores as rejected on rejected.response_id = votes.rejected_id
        left join judged using (preference_id)
        where votes.prob > 0.5e0 and (judged.preference_id is not null or votes.split = 'valid')
    ),
    members as (
        select preference_id, group_id, prob, is_valid, is_judged, is_seen, members, gaps,
               list_transform(gaps[7:], lambda one: one.gap) as member_gaps
        from gaps
    )
    select preference_id, group_id, prob, is_valid, is_judged, is_seen, members, unnest(gaps, recursive := true),
           list_avg(list_transform(member_gaps, lambda gap: 0.5e0 + 0.5e0 * sign(gap))) as single,
           rm_spread(member_gaps) as spread
    from members;
