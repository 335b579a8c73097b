-- report:  agreement
-- title:   How far annotators, judges and heads agree on the same pairs, beyond chance
-- grain:   one row per data set and two raters that share pairs; 'all' marks all raters together
-- engines: duckdb
-- params:  snapshot SNAPSHOT = NULL, heads VARCHAR = NULL, split VARCHAR = 'all', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL, raters VARCHAR = 'annotator', seed INTEGER = 0, replicates INTEGER = 1000
-- columns: dataset VARCHAR, rater_a VARCHAR, rater_b VARCHAR, n_items BIGINT, n_groups BIGINT, n_seen BIGINT,
--          agreement DOUBLE, low DOUBLE, high DOUBLE, expected DOUBLE, tie_rate DOUBLE, kappa DOUBLE, kappa_low DOUBLE,
--          kappa_high DOUBLE, alpha DOUBLE, alpha_low DOUBLE, alpha_high DOUBLE, interval_alpha DOUBLE,
--          interval_alpha_low DOUBLE, interval_alpha_high DOUBLE
-- chart:   heatmap x=rater_a y=rater_b color=kappa facet=dataset x_title='rater' y_title='rater'
--          color_domain=-1,1
-- compare: share agreement = total / n in groups by dataset, rater_a, rater_b
-- filter:  rm_votes
-- note:    A rater says of a pair that the first side wins, the second, or neither; first is the side whose policy comes
--          first by name. raters 'annotator' takes votes by who signed them, 'source' by human, judge, pseudo. With a
--          snapshot heads judge the same pairs: those listed ('a@2, b'), or every name once. agreement: share of the same
--          verdict; expected: that of raters who ignore the pair. kappa: Cohen's, of all raters Fleiss'. alpha:
--          Krippendorff's, votes may be missing; interval_alpha: on the probabilities. 95 % intervals: Wilson's clustered by
--          group, the others by bootstrap over groups. Pairs of groups that a head saw in training are left out, n_seen of
--          them (NULL where unknown), and pairs of equal texts. NULL where all verdicts are the same.
with groups as materialized (
    select dataset, rater_a, rater_b, group_id, n_items, n_seen, n_unknown, t, t[1] / 2 as n, (t[1] - t[5]) / 2 as total
    from _rm_reliability($dataset, $subset, $split, $raters, $snapshot, $heads)
),
entries as materialized (
    select dataset, rater_a, rater_b, _rm_bootstrap_key($seed, group_id) as key, number,
           t[number + 1] as value
    from groups
    cross join range(11) as numbers(number)
),
sums as (
    select dataset, rater_a, rater_b, list(value order by number) as t
    from (select dataset, rater_a, rater_b, number, sum(value) as value from entries group by all)
    group by dataset, rater_a, rater_b
),
draws as (
    select dataset, rater_a, rater_b,
           unnest(_rm_bootstrap_totals(list({'key': key, 'number': number, 'value': value}), $replicates)) as t
    from entries
    group by dataset, rater_a, rater_b
),
cells as (
    select dataset, rater_a, rater_b, sum(n_items)::bigint as n_items, count_if(n_items > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen, _rm_share_interval(n, total) as bounds
    from groups
    group by dataset, rater_a, rater_b
),
replicates as (
    select dataset, rater_a, rater_b, unnest(['kappa', 'alpha', 'interval_alpha']) as figure,
           unnest([_rm_kappa(t), _rm_alpha(t), _rm_interval_alpha(t)]) as value
    from draws
),
bounded as (
    select dataset, rater_a, rater_b, figure, _rm_bootstrap_interval(value, any_value(n_groups)) as bounds
    from replicates
    join cells using (dataset, rater_a, rater_b)
    group by dataset, rater_a, rater_b, figure
),
intervals as (
    select dataset, rater_a, rater_b, any_value(bounds) filter (figure = 'kappa') as kappa,
           any_value(bounds) filter (figure = 'alpha') as alpha,
           any_value(bounds) filter (figure = 'interval_alpha') as interval_alpha
    from bounded
    group by dataset, rater_a, rater_b
)
select dataset, rater_a, rater_b, n_items, n_groups, n_seen, _rm_observed(t) as agreement, bounds.low as low,
       bounds.high as high, _rm_expected(t) as expected, t[4] / nullif(t[1], 0) as tie_rate, _rm_kappa(t) as kappa,
       intervals.kappa.low as kappa_low, intervals.kappa.high as kappa_high, _rm_alpha(t) as alpha,
       intervals.alpha.low as alpha_low, intervals.alpha.high as alpha_high, _rm_interval_alpha(t) as interval_alpha,
       intervals.interval_alpha.low as interval_alpha_low, intervals.interval_alpha.high as interval_alpha_high
from sums
join cells using (dataset, rater_a, rater_b)
join intervals using (dataset, rater_a, rater_b)
order by dataset, rater_a = 'all', rater_a, rater_b
