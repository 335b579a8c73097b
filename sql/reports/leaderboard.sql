-- report:  leaderboard
-- title:   All heads on all data sets of a snapshot, best first
-- grain:   one row per head and data set; 'all' marks totals
-- engines: duckdb
-- params:  snapshot SNAPSHOT, versions VARCHAR = 'default', split VARCHAR = 'test', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL
-- columns: dataset VARCHAR, rank BIGINT, head VARCHAR, kind VARCHAR, objective VARCHAR, n_pairs BIGINT, n_groups
--          BIGINT, n_seen BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, nll DOUBLE, random DOUBLE, longest DOUBLE,
--          shortest DOUBLE, n_common BIGINT, difference DOUBLE, difference_low DOUBLE, difference_high DOUBLE, is_apart
--          BOOLEAN, reason VARCHAR
-- chart:   bar x=head y=accuracy,longest,random low=low high=high facet=dataset x_title='head'
--          y_title='accuracy (share of votes)'
-- filter:  rm_pairs
-- note:    Every decided vote counts once, so that 'all' is over votes, not data sets; equal rewards count half. Each
--          head is judged on the votes of groups that it did not see in training: of n_seen it saw a side (NULL where
--          unknown). Ranked are heads that are judged on at least half as many votes as any. low, high: Wilson's 95 %
--          interval for the number of pairs that groups are worth. difference: to the head of rank 1, over the n_common
--          votes that neither saw, with its paired interval by groups; is_apart where that leaves out 0 (both NULL
--          where all groups differ alike). One of many heads is best by chance too: the interval does not know how many
--          were compared. versions: 'default' takes the version that a bare name means (deployed, else latest), 'all'
--          every one. reason: why a head is not ranked, or cannot score the snapshot.
with entrants as materialized (
    select head_id, head, kind, objective, reason from _rm_entrants($snapshot, $versions)
),
judgements as materialized (
    select head_id, preference_id, unnest([dataset, 'all']) as dataset, group_id, longest, hit, nll, is_seen,
           not coalesce(is_seen, false) as is_new
    from _rm_head_judgements($snapshot, $versions, $split, $dataset, $subset)
),
groups as (
    select head_id, dataset, group_id, count_if(is_new) as n, coalesce(sum(hit) filter (is_new), 0) as hits,
           sum(nll) filter (is_new) as nll, _rm_guessed(longest, is_new) as longest, count_if(is_seen) as n_seen,
           count_if(is_seen is null) as n_unknown
    from judgements
    group by head_id, dataset, group_id
),
boards as materialized (
    select head_id, dataset, sum(n) as n_pairs, count_if(n > 0) as n_groups,
           case when sum(n_unknown) = 0 then sum(n_seen) end as n_seen, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits) as span, _rm_mean(n, nll) as nll,
           case when sum(longest.known) > 0 then _rm_mean(n, longest.total) end as longest,
           max(sum(n)) over (partition by dataset) as n_most
    from groups
    group by head_id, dataset
),
ranked as materialized (
    select head_id, dataset, rank() over (partition by dataset order by accuracy desc) as rank
    from boards
    where accuracy is not null and 2 * n_pairs >= n_most
),
bests as (
    select dataset, min(head_id) as head_id from ranked where rank = 1 group by dataset
),
gaps as (
    select ours.head_id, ours.dataset, ours.group_id, count(*) as n, sum(ours.hit - best.hit) as gained
    from judgements as ours
    join bests using (dataset)
    join judgements as best
        on best.head_id = bests.head_id and best.dataset = ours.dataset and best.preference_id = ours.preference_id
    where ours.is_new and best.is_new and ours.head_id <> bests.head_id
    group by ours.head_id, ours.dataset, ours.group_id
),
differences as (
    select head_id, dataset, sum(n) as n_common, _rm_mean(n, gained) as difference,
           _rm_paired_share_interval(_rm_mean(n, gained), _rm_mean_variance(n, gained), count(*)) as span
    from gaps
    group by head_id, dataset
)
select coalesce(boards.dataset, 'all') as dataset, ranked.rank, entrants.head, entrants.kind, entrants.objective,
       coalesce(boards.n_pairs, 0)::bigint as n_pairs, coalesce(boards.n_groups, 0)::bigint as n_groups,
       boards.n_seen::bigint as n_seen, boards.accuracy, boards.span.low as low, boards.span.high as high, boards.nll,
       if(boards.n_pairs > 0, 0.5e0, null) as random, boards.longest, 1 - boards.longest as shortest,
       differences.n_common::bigint as n_common, differences.difference, differences.span.low as difference_low,
       differences.span.high as difference_high,
       differences.span.low > 0 or differences.span.high < 0 as is_apart,
       coalesce(entrants.reason, case when ranked.rank is null then
           'not ranked: it saw the rest of the ' || boards.n_most || ' votes in training'
       end) as reason
from entrants
left join boards using (head_id)
left join ranked using (head_id, dataset)
left join differences using (head_id, dataset)
order by coalesce(boards.dataset, 'all') <> 'all', boards.dataset, ranked.rank nulls last,
         boards.accuracy desc nulls last, entrants.head
