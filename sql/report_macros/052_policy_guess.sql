-- The baseline `policy` of reports: for every vote, 1 where the chosen side's policy has the higher win rate, 0 where
-- the rejected side's has, 0.5 where they are level or one is unknown, NULL where both are. Win rates come from the
-- training split of the data set without the vote's own group; a response of several policies takes their mean.
create or replace macro _rm_policy_guess(snapshot) as table
    with votes as (
        select preference_id, chosen_id, rejected_id, prob, group_id, dataset, split from _rm_all_pairs(snapshot)
    ),
    sides as (
        select preference_id, chosen_id as response_id, true as is_chosen, prob, group_id, dataset, split from votes
        union all
        select preference_id, rejected_id, false, prob, group_id, dataset, split from votes
    ),
    policies as (
        select distinct datasets.name as dataset, generations.response_id, generations.policy
        from rm.main.generations as generations
        join rm.main.datasets as datasets using (dataset_id)
        where generations.policy is not null
    ),
    entries as (
        select sides.preference_id, sides.is_chosen, sides.prob, sides.group_id, sides.dataset, sides.split,
               policies.policy
        from sides
        join policies using (dataset, response_id)
    ),
    own as (
        select dataset, policy, group_id, count(*) as n, count_if(is_chosen) as wins
        from entries
        where split = 'train' and prob > 0.5e0
        group by dataset, policy, group_id
    ),
    totals as (
        select dataset, policy, sum(n)::bigint as n, sum(wins)::bigint as wins from own group by dataset, policy
    ),
    rates as (
        select entries.preference_id, entries.is_chosen,
               _rm_steady_mean(
                   (totals.wins - coalesce(own.wins, 0))::double / nullif(totals.n - coalesce(own.n, 0), 0)) as rate
        from entries
        join totals using (dataset, policy)
        left join own using (dataset, policy, group_id)
        group by entries.preference_id, entries.is_chosen
    )
    select preference_id,
           case
               when count(rate) = 0 then null
               when count(rate) = 1 then 0.5e0
               else 0.5e0 + 0.5e0 * sign(max(rate) filter (where is_chosen) - max(rate) filter (where not is_chosen))
           end as policy
    from rates
    group by preference_id;
