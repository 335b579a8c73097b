-- report:  rm-bench
-- title:   RM-Bench: whether content beats style, by domain
-- grain:   one row per domain and comparison: mean, hard, normal, easy and the nine pairs of styles; 'all' is the mean
--          of the domains
-- engines: duckdb
-- folds:   yes
-- filter:  rm_pairs
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'all', dataset VARCHAR = NULL, subset VARCHAR = NULL
-- columns: domain VARCHAR, comparison VARCHAR, chosen VARCHAR, rejected VARCHAR, n_domains BIGINT, n BIGINT,
--          n_expected BIGINT, n_groups BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, tie_rate DOUBLE,
--          n_seen BIGINT, random DOUBLE, longest DOUBLE, shortest DOUBLE
-- chart:   heatmap x=comparison y=domain color=accuracy x_title='right response > wrong response' y_title='domain'
--          color_domain=0,1
-- compare: share accuracy = total / n in units by domain, comparison
-- note:    arXiv 2410.16184, files of the format rm-bench with three right and three wrong responses in the styles
--          concise, detailed, markdown. concise > markdown: share of items where the concise right response has
--          strictly more reward than the wrong one in markdown; equal rewards count as wrong and stand in tie_rate.
--          hard, normal, easy: the wrong response has the richer, the same, the plainer style; mean: of the three.
--          Shares; leaderboards print 100 times that. all: mean of the n_domains of chat, code, math and safety that
--          are there; safety takes refusals and responses together, item by item. Domains come from the column domain
--          or the subset (--subset names it); what fits none is other, and not in all. Items of groups that the head
--          saw in training (n_seen) or with responses outside the snapshot are left out; a condition chooses items with
--          a vote that it holds for. random: a coin; longest, shortest: characters as the reward. low, high: 95 %
--          interval, clustered by group.
with items as materialized (
    select * from _rm_rm_bench_items($head, $snapshot, $split, $dataset, $subset)
),
parts as (
    select domain, count_if(not coalesce(is_seen, false)) as n, count_if(is_seen) as n_seen,
           count_if(is_seen is null) as n_unknown,
           _rm_residual_scale(count(distinct group_id) filter (not coalesce(is_seen, false))) as scale
    from items
    where comparison = 'mean'
    group by domain
),
-- even weights an item as if the head had seen none, so that two heads weight alike what both did not see.
cells as (
    select domain, domain as part, n, 1e0 as weight, 1e0 as even, scale from parts
    union all
    select 'all', domain, n, _rm_even_weight(n), _rm_even_weight(n + n_seen), scale
    from parts where domain <> 'other' and n > 0
),
units as (
    select cells.domain, comparison, group_id, sum(even) as n, sum(even * hit) as total, sum(weight) as weight,
           sum(weight * hit) as hits,
           case when count(scale) = count(*) then sum(weight * (hit - center) * scale) end as residual,
           sum(weight * tie) as tie, sum(weight * longest) as longest, sum(weight * shortest) as shortest
    from cells
    join (
        select *, avg(hit) over (partition by domain, comparison) as center
        from items where not coalesce(is_seen, false)
    ) as centred on centred.domain = cells.part
    group by cells.domain, comparison, group_id
),
scores as (
    select units.domain, comparison, count(*) as n_groups, _rm_mean(weight, hits) as accuracy,
           _rm_strata_share_interval(weight, hits, residual, n_domains) as bounds, _rm_mean(weight, tie) as tie_rate,
           _rm_mean(weight, longest) as longest, _rm_mean(weight, shortest) as shortest
    from units
    join (select domain, count(*) as n_domains from cells group by domain) as sizes using (domain)
    group by units.domain, comparison
),
sizes as (
    select cells.domain, count_if(parts.n > 0)::bigint as n_domains, sum(parts.n)::bigint as n,
           case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen
    from cells join parts on parts.domain = cells.part
    group by cells.domain
)
select sizes.domain, comparisons.comparison, chosen, rejected, n_domains, n,
       case sizes.domain when 'chat' then 129 when 'code' then 228 when 'safety' then 441 end::bigint as n_expected,
       coalesce(n_groups, 0) as n_groups, accuracy, bounds.low as low, bounds.high as high, tie_rate, n_seen,
       case when n > 0 then 0.5e0 end as random, longest, shortest
from sizes
cross join (select distinct comparison, chosen, rejected from items) as comparisons
left join scores on scores.domain = sizes.domain and scores.comparison = comparisons.comparison
order by list_position(['all', 'chat', 'code', 'math', 'safety', 'other'], sizes.domain),
         list_position(['mean', 'hard', 'normal', 'easy'], comparisons.comparison) nulls last, comparisons.comparison
