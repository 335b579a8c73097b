-- Policies against a baseline, or against each other.

-- One row per vote and policy on a side of it: win = P(the policy wins). A vote between a policy and itself is one row,
-- with win = 0.5, the mean of its two directions, and counts against a baseline alone. baseline NULL: in each data set the
-- policy that faces all others, among several such the one whose responses are references; where that is not one policy,
-- everybody faces everybody, and the column says 'all'.
create or replace macro _rm_facing(dataset, subset, split, annotator, source, baseline) as table
    with votes as materialized (
        select votes.dataset, votes.group_id, votes.prompt_id, votes.prob, votes.chosen_policy, votes.rejected_policy,
               votes.chosen_chars, votes.rejected_chars
        from _rm_votes_of(dataset, subset, split, annotator, source) as votes
        where votes.chosen_policy is not null and votes.rejected_policy is not null
    ),
    sides as (
        select votes.dataset, group_id, prompt_id, chosen_policy as policy, rejected_policy as opponent,
               case when chosen_policy = rejected_policy then 0.5e0 else prob end as win,
               chosen_chars as n_chars, rejected_chars as opponent_chars
        from votes
        union all
        select votes.dataset, group_id, prompt_id, rejected_policy, chosen_policy, 1 - prob, rejected_chars, chosen_chars
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

-- Interval of the mean of values in [0, 1] that say more than a coin: Wilson's, as _rm_share_interval, for as many coins as
-- their variance is worth, which may be more than there are. Two coins are added to the variance, as in Agresti and Coull
-- 1998: where groups are few and most values near 0 or 1, it is underestimated more often than not.
create or replace macro _rm_coins(p, variance, n, n_groups) as
    (n_groups + 1) * p * (1 - p) / nullif(variance * (n_groups - 1) + 2 * p * (1 - p) / n, 0);

create or replace macro _rm_graded_interval(n, total) as
    _rm_wilson(
        _rm_mean(n, total),
        coalesce(_rm_coins(_rm_mean(n, total), _rm_mean_variance(n, total), sum(n)::double, count_if(n > 0)::double),
                 case when count_if(n > 0) > 1 then count_if(n > 0)::double end),
        _rm_t975(count_if(n > 0) - 1));
