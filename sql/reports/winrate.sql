-- report:  winrate
-- title:   How often the votes prefer a policy to a baseline, or to the other policies
-- grain:   one row per data set and policy
-- engines: duckdb
-- params:  dataset VARCHAR = NULL, subset VARCHAR = NULL, split VARCHAR = 'all', baseline VARCHAR = NULL,
--          policy VARCHAR = NULL, annotator VARCHAR = NULL, source VARCHAR = NULL
-- columns: dataset VARCHAR, policy VARCHAR, baseline VARCHAR, n_votes BIGINT, n_groups BIGINT, n_ties BIGINT,
--          win_rate DOUBLE, low DOUBLE, high DOUBLE, discrete DOUBLE, random DOUBLE, longest DOUBLE, mean_chars DOUBLE,
--          baseline_chars DOUBLE
-- chart:   bar x=policy y=win_rate,longest low=low high=high facet=dataset x_title='policy' y_title='win rate'
-- compare: win_rate = total / n in groups by dataset, policy
-- filter:  rm_votes
-- note:    win_rate: mean of P(the policy wins) over its votes against the baseline, unweighted, whatever snapshot they are
--          in. baseline: the policy that faces all others, unless given; where no single one does, every opponent counts
--          ('all'). low, high: Wilson's 95 % interval for the votes that groups are worth. discrete: the share of votes
--          above 0.5, ties (n_ties) half. longest: the win rate if the longer response always won. mean_chars,
--          baseline_chars: mean length in characters. Votes whose policies nobody named are in no row.
with faced as (
    select *
    from _rm_facing($dataset, $subset, $split, $annotator, $source, $baseline) as faced
    where _rm_policy_name($policy) is null or faced.policy = $policy
),
groups as (
    select dataset, policy, baseline, group_id, count(*) as n, count_if(win = 0.5e0) as n_ties, sum(win) as total,
           sum(0.5e0 + 0.5e0 * sign(win - 0.5e0)) as wins,
           sum(0.5e0 + 0.5e0 * sign(n_chars - opponent_chars)) as longest, sum(n_chars) as chars,
           sum(opponent_chars) as baseline_chars
    from faced
    group by dataset, policy, baseline, group_id
)
select dataset, policy, baseline, sum(n)::bigint as n_votes, count(*) as n_groups, sum(n_ties)::bigint as n_ties,
       _rm_mean(n, total) as win_rate, _rm_graded_interval(n, total).low as low,
       _rm_graded_interval(n, total).high as high, _rm_mean(n, wins) as discrete, 0.5e0 as random,
       _rm_mean(n, longest) as longest, _rm_mean(n, chars) as mean_chars,
       _rm_mean(n, groups.baseline_chars) as baseline_chars
from groups
group by dataset, policy, baseline
order by dataset, win_rate desc, policy
