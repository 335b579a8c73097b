-- Policies against a baseline, or against each other.

-- One row per vote and policy on a side of it: win = P(the policy wins). A vote between a policy and itself is one row,
-- with win = 0.5, the mean of its two directions, and counts against a baseline alone. baseline NULL: in each data set the
-- policy that faces all others, among several such the one whose responses are references; where that is not one policy,
-- everybody faces everybody, and the column says 'all'. With a head it votes: is_seen marks groups of its training, NULL
-- where they are not known. n_chars and opponent_chars are both NULL where the text of either was not published.
create or replace macro _rm_facing(
    dataset, subset, split, annotator, source, baseline, head := null, snapshot := null
) as table
    with votes as materialized (
        select votes.dataset, votes.group_id, votes.prompt_id, votes.prob, votes.chosen_policy, votes.rejected_policy,
               case when coalesce(placed.response_id, others.response_id) is null then votes.chosen_chars end as chosen_chars,
               case when coalesce(placed.response_id, others.response_id) is null then votes.rejected_chars end
                   as rejected_chars,
               votes.seen_in_training as is_seen
        from _rm_votes_of(dataset, subset, split, annotator, source, head := head, snapshot := snapshot) as votes
        left join _rm_without_text() as placed on placed.response_id = votes.chosen_id
        left join _rm_without_text() as others on others.response_id = votes.rejected_id
        where votes.chosen_policy is not null and votes.rejected_policy is not null
    ),
    sides as (
        select votes.dataset, group_id, prompt_id, chosen_policy as policy, rejected_policy as opponent,
               case when chosen_policy = rejected_policy then 0.5e0 else prob end as win,
               chosen_chars as n_chars, rejected_chars as opponent_chars, is_seen
        from votes
        union all
        select votes.dataset, group_id, prompt_id, rejected_policy, chosen_policy, 1 - prob, rejected_chars, chosen_chars,
               is_seen
        from votes
        where chosen_policy <> rejected_policy
    ),
    facing as (
        select sides.dataset, sides.policy, count(distinct sides.opponent) filter (sides.opponent <> sides.policy) as n
        from sides
        group by sides.dataset, sides.policy
    ),
    central as (
        select facing.dataset, facing.policy,
               exists (
                   from rm.main.generations as generations
                   join rm.main.datasets as datasets using (dataset_id)
                   where datasets.name = facing.dataset and generations.policy = facing.policy
                       and generations.origin = 'reference') as is_reference
        from facing
        qualify facing.n = count(*) over (partition by facing.dataset) - 1
    ),
    baselines as (
        select central.dataset,
               case
                   when count(*) = 1 then any_value(central.policy)
                   when count_if(central.is_reference) = 1 then any_value(central.policy) filter (central.is_reference)
               end as baseline
        from central
        group by central.dataset
    )
    select sides.*, coalesce(baseline, baselines.baseline, 'all') as baseline
    from sides
    left join baselines using (dataset)
    where case when coalesce(_rm_policy_name(baseline), baselines.baseline) is null then sides.opponent <> sides.policy
               else sides.opponent = coalesce(baseline, baselines.baseline) end;
