-- report:  accuracy
-- title:   How often a head ranks the chosen response first, beside what needs no head
-- grain:   one row per data set, subset and split; 'all' marks totals
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL
-- columns: dataset VARCHAR, subset VARCHAR, split VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_ties BIGINT,
--          n_cross BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, tie_rate DOUBLE, n_seen BIGINT,
--          accuracy_seen DOUBLE, random DOUBLE, longest DOUBLE, shortest DOUBLE, policy DOUBLE
-- chart:   bar x=subset y=accuracy low=low high=high
-- note:    Every vote counts once, unweighted; one without a preference (prob 0.5) only in n_ties. Headline and
--          baselines are over the same n_pairs: votes of groups that the head did not see in training. It saw those of
--          n_seen (NULL where unknown). Equal rewards count half. Of n_pairs, n_cross answer different prompts.
--          low and high: Wilson's 95 % interval for the number of pairs that groups are worth. policy: the side whose
--          policy wins more often in the training split. Votes without a subset count in the totals alone.
with rewards as (
    select response_id, prompt_id, any_value(reward) as reward, bool_or(seen_in_training) as is_seen
    from rm_rewards($head, $snapshot)
    group by response_id, prompt_id
),
votes as (
    select preference_id, chosen_id, rejected_id, prob, group_id, dataset, subset, split,
           0.5e0 + 0.5e0 * sign(chosen_chars - rejected_chars) as longest
    from rm_pairs($snapshot)
    where $split in (split, 'all') and ($dataset is null or dataset = $dataset)
),
pairs as (
    select votes.group_id, votes.dataset, votes.subset, votes.split, votes.longest, guesses.policy,
           votes.prob > 0.5e0 as is_decided,
           chosen.is_seen or rejected.is_seen as is_seen,
           votes.prob > 0.5e0 and not coalesce(chosen.is_seen or rejected.is_seen, false) as is_counted,
           chosen.prompt_id <> rejected.prompt_id as is_cross,
           case
               when chosen.reward > rejected.reward then 1e0
               when chosen.reward = rejected.reward then 0.5e0
               else 0e0
           end as hit
    from votes
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id
    left join _rm_policy_guess($snapshot) as guesses using (preference_id)
),
groups as (
    select dataset, subset, split, grouping(dataset, subset, split) as level, group_id,
           count_if(is_counted) as n, coalesce(sum(hit) filter (is_counted), 0e0) as hits,
           count_if(is_counted and hit = 0.5e0) as n_level, count_if(is_counted and is_cross) as n_cross,
           count_if(not is_decided) as n_ties, count_if(is_decided and is_seen is null) as n_unknown,
           count_if(is_decided and is_seen) as n_seen, sum(hit) filter (is_decided and is_seen) as hits_seen,
           sum(longest) filter (is_counted) as longest,
           sum(coalesce(policy, 0.5e0)) filter (is_counted) as policy, count(policy) filter (is_counted) as n_policy
    from pairs
    group by grouping sets (
        (dataset, subset, split, group_id), (dataset, split, group_id), (dataset, group_id), (split, group_id),
        (group_id))
)
select case when level & 4 > 0 then 'all' else dataset end as dataset,
       case when level & 2 > 0 then 'all' else subset end as subset,
       case when level & 1 > 0 then 'all' else split end as split,
       sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups, sum(n_ties)::bigint as n_ties,
       sum(n_cross)::bigint as n_cross, _rm_mean(n, hits) as accuracy,
       _rm_share_interval(n, hits).low as low, _rm_share_interval(n, hits).high as high,
       _rm_mean(n, n_level) as tie_rate,
       case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen,
       sum(hits_seen) / nullif(sum(n_seen), 0) as accuracy_seen,
       case when sum(n) > 0 then 0.5e0 end as random,
       _rm_mean(n, longest) as longest, 1 - _rm_mean(n, longest) as shortest,
       case when sum(n_policy) > 0 then _rm_mean(n, policy) end as policy
from groups
where (level & 2 > 0 or subset is not null) and (level & 1 = 0 or $split = 'all')
group by level, groups.dataset, groups.subset, groups.split
order by groups.split nulls last, groups.dataset nulls last, groups.subset nulls last
