-- report:  length-controlled-winrate
-- title:   What the win rate of a policy would be if its responses were as long as the baseline's
-- grain:   one row per data set and policy
-- engines: duckdb
-- folds:   yes
-- params:  dataset VARCHAR = NULL, subset VARCHAR = NULL, split VARCHAR = 'all', baseline VARCHAR = NULL,
--          policy VARCHAR = NULL, annotator VARCHAR = NULL, source VARCHAR = NULL, head HEAD = NULL,
--          snapshot SNAPSHOT = NULL, steadying DOUBLE = 0.2, seed INTEGER = 0, replicates INTEGER = 1000
-- columns: dataset VARCHAR, policy VARCHAR, baseline VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT,
--          win_rate DOUBLE, controlled DOUBLE, low DOUBLE, high DOUBLE, shift DOUBLE, is_extreme BOOLEAN, random DOUBLE,
--          longest DOUBLE, mean_chars DOUBLE, baseline_chars DOUBLE, theta DOUBLE, phi DOUBLE, psi DOUBLE, strength DOUBLE
-- chart:   bar x=policy y=controlled,win_rate,longest low=low high=high facet=dataset x_title='policy'
--          y_title='win rate at equal length'
-- filter:  rm_votes, rm_reward_votes
-- note:    As AlpacaEval has it (arXiv 2404.04475): logit P(win) = theta + phi * tanh(gap / std(gap)) + psi * difficulty,
--          gap in characters, soft labels, L1 with C = strength by 5-fold cross-validation; controlled: the mean with gap 0.
--          Adaptations: difficulty comes from one fit over the policies at hand, not from the published file; rows imagined
--          from that fit, of weight steadying, stand for the judged rewritings of the baseline; of penalties equally good
--          the weakest. A policy that shares no prompt with another has no difficulty. So, unlike on the leaderboard, the
--          other policies of the data set count. low, high: 95 % interval, bootstrap over groups, one Newton step each.
--          is_extreme: shift = controlled - win_rate is over 0.1 and over a quarter of what there was to lose or to gain,
--          which may be a failure of the fit. NULL: fewer than 5 prompts, or every gap the same. Against itself a baseline
--          has 0.5. longest: the win rate if the longer response always won. With a head, pairs are as in winrate, which
--          says what n_seen is; without the texts of a pair its lengths are unknown, and the fit leaves it out.
with groups as (
    from _rm_win_groups(
        $dataset, $subset, $split, $annotator, $source, $baseline, $policy, $head, $snapshot)
),
raw as (
    select dataset, policy, baseline, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, _rm_mean(n, total) as win_rate,
           _rm_mean(n_lengths, groups.longest) as longest, _rm_mean(n_lengths, chars) as mean_chars,
           _rm_mean(n_lengths, groups.baseline_chars) as baseline_chars
    from groups
    group by dataset, policy, baseline
),
fits as materialized (
    select dataset, policy, fit
    from _rm_length_controlled(
        $dataset, $subset, $split, $annotator, $source, $baseline, $head, $snapshot, $steadying, $seed, $replicates)
),
intervals as (
    select dataset, policy, n_groups, _rm_bootstrap_interval(rate, any_value(n_groups)) as bounds
    from (
        select fits.dataset, fits.policy, raw.n_groups, unnest(fits.fit.replicates) as rate
        from fits
        join raw using (dataset, policy)
    )
    group by dataset, policy, n_groups
),
rates as (
    select raw.*, case when raw.policy = raw.baseline then 0.5e0 else fits.fit.rate end as controlled,
           case when fits.fit.rate is not null then intervals.bounds end as bounds, fits.fit
    from raw
    left join fits using (dataset, policy)
    left join intervals using (dataset, policy)
)
select dataset, policy, baseline, n_pairs, rates.n_groups, n_seen, win_rate, controlled, bounds.low as low,
       bounds.high as high, controlled - win_rate as shift,
       controlled < least(win_rate * 0.75e0, win_rate - 0.1e0)
           or controlled > greatest(win_rate + (1 - win_rate) / 4, win_rate + 0.1e0) as is_extreme,
       0.5e0 as random, longest, mean_chars, baseline_chars, fit.theta as theta, fit.phi as phi, fit.psi as psi,
       fit.strength as strength
from rates
order by dataset, controlled desc nulls last, policy
