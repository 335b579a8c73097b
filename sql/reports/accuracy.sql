-- report:  accuracy
-- title:   How often a head ranks the chosen response first, beside what needs no head
-- grain:   one row per data set, subset and split; 'all' marks totals
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          baselines BOOLEAN = true
-- columns: dataset VARCHAR, subset VARCHAR, split VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_ties BIGINT,
--          n_cross BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, tie_rate DOUBLE, n_seen BIGINT,
--          accuracy_seen DOUBLE, random DOUBLE, longest DOUBLE, shortest DOUBLE, policy DOUBLE, response_only DOUBLE,
--          neighbour DOUBLE, best_baseline VARCHAR, difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE,
--          z DOUBLE, lc_accuracy DOUBLE, lc_low DOUBLE, lc_high DOUBLE
-- compare: share accuracy = hits / n in groups by dataset, subset, split
-- filter:  rm_pairs
-- chart:   bar x=subset y=accuracy,random,longest,policy,response_only,neighbour low=low high=high facet=dataset
--          x_title='subset' y_title='accuracy (share of votes)'
-- note:    Every vote counts once, unweighted; one without a preference (prob 0.5) only in n_ties. All but the seen are
--          over the same n_pairs: votes of groups that the head did not see in training; it saw those of n_seen (NULL
--          where unknown). Equal rewards, of which tie_rate is the share, count half. random: a coin. Of n_pairs,
--          n_cross answer different prompts. low, high: Wilson's 95 % interval for the number of pairs that groups are
--          worth. Baselines learn from the training split without the vote's own group, whatever is filtered; what they
--          do not know counts half, and they are NULL where they know nothing. policy: the side whose policy wins more
--          often. response_only: a linear head on the response alone, from up to 100,000 votes, where such vectors are
--          stored (embed with layout joint||response). neighbour: the higher mean win share of the ten nearest of up to
--          10,000 responses. These two take their time; baselines = false leaves them out. difference: head less
--          best_baseline on the same votes, z in standard errors, paired and clustered; the best is chosen on these
--          votes, which favours it. lc_accuracy: mean over votes for the longer and votes for the shorter side, half
--          each: 0.5 for lengths alone. Votes without a subset count in the totals alone.
with judged as materialized (
    from _rm_judged_votes($head, $snapshot, $split, $dataset, $subset)
),
votes as (
    select judged.*, policies.policy, known.response_only, known.neighbour
    from judged
    left join _rm_policy_guess($snapshot) as policies using (preference_id)
    left join _rm_learned_baselines($snapshot, (
        select list(preference_id::varchar) from judged where is_counted and $baselines)) as known using (preference_id)
),
groups as (
    select case when grouping(dataset) = 1 then 'all' else dataset end as dataset,
           case when grouping(subset) = 1 then 'all' else subset end as subset,
           case when grouping(split) = 1 then 'all' else split end as split,
           grouping(dataset, subset, split) as level, group_id, count_if(is_counted) as n,
           _rm_total(hit, is_counted) as hits, count_if(is_counted and hit = 0.5e0) as n_level,
           count_if(is_counted and is_cross) as n_cross, count_if(not is_decided) as n_ties,
           count_if(is_decided and is_seen is null) as n_unknown, count_if(is_decided and is_seen) as n_seen,
           _rm_total(hit, is_decided and is_seen) as hits_seen,
           _rm_guessed(longer, is_counted) as longest, _rm_guessed(1 - longer, is_counted) as shortest,
           _rm_guessed(policy, is_counted) as policy, _rm_guessed(response_only, is_counted) as response_only,
           _rm_guessed(neighbour, is_counted) as neighbour,
           count_if(is_counted and longer = 1) as n_long, _rm_total(hit, is_counted and longer = 1) as hits_long,
           count_if(is_counted and longer = 0) as n_short, _rm_total(hit, is_counted and longer = 0) as hits_short
    from votes
    group by grouping sets (
        (dataset, subset, split, group_id), (dataset, split, group_id), (dataset, group_id), (split, group_id),
        (group_id))
    having (grouping(subset) = 1 or subset is not null) and (grouping(split) = 0 or $split = 'all')
),
cells as (
    select groups.dataset, groups.subset, groups.split, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
           sum(n_ties)::bigint as n_ties, sum(n_cross)::bigint as n_cross, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits) as span, _rm_mean(n, n_level) as tie_rate,
           case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen,
           sum(hits_seen) / nullif(sum(groups.n_seen), 0) as accuracy_seen,
           _rm_baselines(n, hits, longest, shortest, policy, response_only, neighbour) as baselines,
           _rm_lc_accuracy(n_long, hits_long, n_short, hits_short) as lc_accuracy,
           _rm_lc_interval(n_long, hits_long, n_short, hits_short) as lc_span
    from groups
    group by level, groups.dataset, groups.subset, groups.split
),
compared as (select *, _rm_best_baseline(baselines) as best from cells)
select dataset, subset, split, n_pairs, n_groups, n_ties, n_cross, accuracy, span.low as low, span.high as high,
       tie_rate, n_seen, accuracy_seen, baselines[1].accuracy as random, baselines[2].accuracy as longest,
       baselines[3].accuracy as shortest, baselines[4].accuracy as policy, baselines[5].accuracy as response_only,
       baselines[6].accuracy as neighbour, best.name as best_baseline, best.difference as difference,
       _rm_paired_share_interval(best.difference, best.variance, n_groups).low as difference_low,
       _rm_paired_share_interval(best.difference, best.variance, n_groups).high as difference_high,
       _rm_z(best.difference, best.variance) as z, lc_accuracy, lc_span.low as lc_low, lc_span.high as lc_high
from compared
order by split = 'all', split, dataset = 'all', dataset, subset = 'all', subset
