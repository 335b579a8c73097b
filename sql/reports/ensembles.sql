-- report:  ensembles
-- title:   Whether the members of a head say more together, by every rule for putting them together
-- grain:   one row per rule
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          penalty DOUBLE = 0.5, k DOUBLE = 1.0
-- columns: rule VARCHAR, members BIGINT, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT, accuracy DOUBLE, low DOUBLE,
--          high DOUBLE, random DOUBLE, gain DOUBLE, gain_low DOUBLE, gain_high DOUBLE, temperature DOUBLE, nll DOUBLE,
--          spread DOUBLE, spread_error DOUBLE
-- chart:   bar x=rule y=accuracy,random low=low high=high x_title='rule' y_title='share of votes ranked as voted'
-- compare: share accuracy = hits / n in groups by rule
-- filter:  rm_pairs
-- note:    reward: rm_score. The others take members standardised on the reference set: mean; wco, the lowest; uwo,
--          mean less penalty times their variance; lcb, mean less k standard deviations; mean - std, with k = 1 (ddof
--          0; Coste et al., arXiv 2310.02743). single: what one member is right in, on average over them; best: the
--          member that is right most often on these very votes, so with hindsight. gain: accuracy less single's,
--          paired, by group (NULL bounds where nothing varies). Votes with a preference, of groups that the head did
--          not see in training (n_seen others; NULL where unknown); intervals 95 %, Wilson's as in accuracy. nll: with
--          the temperature that suits a rule best on the valid split (a member, for single). spread: mean standard
--          deviation of the members' gaps; spread_error: its correlation with being wrong. A head with one member gives
--          the same for every rule.
with votes as materialized (
    select preference_id, group_id, rule, gap, prob, 0.5e0 + 0.5e0 * sign(gap) as hit, single, spread, members, is_seen,
           is_valid, is_judged, is_judged and not coalesce(is_seen, false) as is_counted
    from _rm_ensemble_votes($head, $snapshot, $split, $dataset, $subset, $penalty, $k)
),
temperatures as (
    select rule, _rm_best_temperature(list({'gap': gap, 'prob': prob} order by preference_id)) as temperature
    from votes
    where is_valid
    group by rule
),
bests as (
    select rule from votes where is_counted and rule like 'member %' group by rule order by sum(hit) desc, rule limit 1
),
scored as (
    select votes.*, temperature, _rm_vote_nll(gap / temperature, prob) as nll
    from votes left join temperatures using (rule)
    where is_judged
),
cells as materialized (
    select if(rule in (from bests), 'best', rule) as rule, group_id, members, is_counted, is_seen, hit,
           hit - single as gain, spread, temperature, nll
    from scored
    where rule not like 'member %' or rule in (from bests)
    union all by name
    select 'single' as rule, group_id, any_value(members) as members, is_counted, is_seen, avg(hit) as hit,
           0e0 as gain, any_value(spread) as spread, avg(nll) as nll
    from scored
    where rule like 'member %'
    group by preference_id, group_id, is_counted, is_seen
),
errors as (
    select rule, _rm_corr(spread, hit) as spread_hit from cells where is_counted group by rule
),
groups as (
    select rule, group_id, any_value(members) as members, any_value(temperature) as temperature,
           count(*) filter (is_counted) as n, count(*) filter (is_seen) as n_seen,
           count(*) filter (is_seen is null) as n_unknown, coalesce(sum(hit) filter (is_counted), 0e0) as hits,
           coalesce(sum(gain) filter (is_counted), 0e0) as gain, sum(nll) filter (is_counted) as nll,
           sum(spread) filter (is_counted) as spread
    from cells
    group by rule, group_id
),
gains as (
    select rule, _rm_paired_share_interval(_rm_mean(n, gain), _rm_mean_variance(n, gain), count_if(n > 0)) as span
    from groups
    group by rule
)
select rule, any_value(members) as members, sum(n)::bigint as n_pairs, count(*) filter (n > 0) as n_groups,
       case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, _rm_mean(n, hits) as accuracy,
       _rm_share_interval(n, hits).low as low, _rm_share_interval(n, hits).high as high,
       case when sum(n) > 0 then 0.5e0 end as random, _rm_mean(n, groups.gain) as gain,
       any_value(gains.span).low as gain_low, any_value(gains.span).high as gain_high,
       any_value(groups.temperature) as temperature, _rm_mean(n, nll) as nll, _rm_mean(n, groups.spread) as spread,
       -any_value(spread_hit) as spread_error
from groups left join errors using (rule) left join gains using (rule)
group by rule
order by list_position(['single', 'best', 'reward', 'mean', 'wco', 'uwo', 'lcb', 'mean - std'], rule)
