-- report:  winrate
-- title:   How often the votes, or a head, prefer a policy to a baseline, or to the other policies
-- grain:   one row per data set and policy
-- engines: duckdb
-- folds:   yes
-- params:  dataset VARCHAR = NULL, subset VARCHAR = NULL, split VARCHAR = 'all', baseline VARCHAR = NULL,
--          policy VARCHAR = NULL, annotator VARCHAR = NULL, source VARCHAR = NULL, head HEAD = NULL,
--          snapshot SNAPSHOT = NULL
-- columns: dataset VARCHAR, policy VARCHAR, baseline VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT,
--          n_ties BIGINT, win_rate DOUBLE, low DOUBLE, high DOUBLE, discrete DOUBLE, random DOUBLE, longest DOUBLE,
--          mean_chars DOUBLE, baseline_chars DOUBLE
-- chart:   bar x=policy y=win_rate,longest low=low high=high facet=dataset x_title='policy' y_title='win rate'
-- compare: share win_rate = total / n in groups by dataset, policy
-- filter:  rm_votes, rm_reward_votes
-- note:    win_rate: mean of P(the policy wins) over the n_pairs votes between it and the baseline, unweighted. A head is
--          asked in the place of votes: of every two responses to a prompt of the snapshot, by different policies of one
--          data set, each counting once, as votes do; P is the sigmoid of the difference of rewards over its temperature.
--          Prompts of groups that it saw in training are left out, n_seen pairs (NULL where unknown; 0 for votes).
--          baseline: the policy that faces all others, unless given; where no single one does, every opponent counts
--          ('all'). low, high: Wilson's 95 % interval for the votes that groups are worth. discrete: the share of votes
--          above 0.5, ties (n_ties) half. longest: the win rate if the longer response always won. mean_chars,
--          baseline_chars: mean length in characters; all three over pairs whose texts were published. Policies that
--          nobody named are in no row.
with groups as (
    from _rm_win_groups(
        $dataset, $subset, $split, $annotator, $source, $baseline, $policy, $head, $snapshot)
)
select dataset, policy, baseline, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
       case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen, sum(groups.n_ties)::bigint as n_ties,
       _rm_mean(n, total) as win_rate, _rm_graded_interval(n, total).low as low,
       _rm_graded_interval(n, total).high as high, _rm_mean(n, wins) as discrete, 0.5e0 as random,
       _rm_mean(n_lengths, groups.longest) as longest, _rm_mean(n_lengths, chars) as mean_chars,
       _rm_mean(n_lengths, groups.baseline_chars) as baseline_chars
from groups
group by dataset, policy, baseline
order by dataset, round(win_rate, 12) desc nulls last, policy
