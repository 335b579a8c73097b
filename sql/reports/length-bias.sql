-- report:  length-bias
-- title:   Whether a head follows length, and what it knows beside it
-- grain:   one row per ratio of the two lengths; 'all' marks the total
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL
-- columns: ratio VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE,
--          random DOUBLE, longest DOUBLE, n_longer BIGINT, accuracy_longer DOUBLE, longer_low DOUBLE,
--          longer_high DOUBLE, n_shorter BIGINT, accuracy_shorter DOUBLE, shorter_low DOUBLE, shorter_high DOUBLE,
--          lc_accuracy DOUBLE, lc_low DOUBLE, lc_high DOUBLE, longer_by_votes DOUBLE, longer_by_head DOUBLE,
--          lean DOUBLE, lean_low DOUBLE, lean_high DOUBLE, spearman_chars DOUBLE, chars_low DOUBLE, chars_high DOUBLE,
--          n_prompts BIGINT, n_constant BIGINT, spearman_tokens DOUBLE, tokens_low DOUBLE, tokens_high DOUBLE
-- compare: share accuracy = hits / n in groups by ratio
-- filter:  rm_pairs, rm_rewards
-- chart:   bar x=ratio y=lc_accuracy,accuracy_longer,accuracy_shorter,longest low=lc_low high=lc_high
--          x_title='longer over shorter length (characters)' y_title='accuracy (share of votes)'
-- note:    By ratio: longer over shorter length of the two sides, in characters; unknown where a side has no text.
--          Over votes with a preference of groups that the head did not see in training; it saw those of n_seen (NULL
--          where unknown). accuracy_longer is over the n_longer votes for the longer side, accuracy_shorter over the
--          n_shorter for the shorter; lc_accuracy is their mean, half each (0.5 for lengths alone; the length control
--          of AlpacaEval, arXiv 2404.04475, adapted to heads). longer_by_votes and longer_by_head: how often votes and
--          head choose the longer side, over both; lean = head less votes, paired. random is 0.5, longest the rule
--          that knows lengths alone. Shares have Wilson's 95 % interval, clustered by group, lean t standard errors.
--          spearman_chars and spearman_tokens: mean over prompts of Spearman's correlation of reward and length, over
--          responses of unseen groups, with the interval clustered by group; the row 'all' alone. Prompts of one
--          length or one reward have none: n_constant of chars.
with votes as (
    select votes.group_id, votes.is_decided, votes.is_seen, votes.is_counted, votes.longer, votes.hit,
           unnest(['all', _rm_length_ratio(votes.chosen_chars, votes.rejected_chars)]) as ratio
    from _rm_judged_votes($head, $snapshot, $split, $dataset, $subset) as votes
),
groups as (
    select ratio, group_id, count_if(is_counted) as n, _rm_total(hit, is_counted) as hits,
           _rm_guessed(longer, is_counted) as longest,
           count_if(is_counted and longer = 1) as n_long, _rm_total(hit, is_counted and longer = 1) as hits_long,
           count_if(is_counted and longer = 0) as n_short, _rm_total(hit, is_counted and longer = 0) as hits_short,
           count_if(is_decided and is_seen) as n_seen, count_if(is_decided and is_seen is null) as n_unknown
    from votes
    group by ratio, group_id
),
chosen as (
    select groups.*, n_long + n_short as n_unequal, hits_long + n_short - hits_short as by_head from groups
),
cells as (
    select ratio, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then sum(chosen.n_seen)::bigint end as n_seen, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits) as span,
           case when sum(longest.known) > 0 then _rm_mean(n, longest.total) end as longest,
           sum(n_long)::bigint as n_longer, _rm_mean(n_long, hits_long) as accuracy_longer,
           _rm_share_interval(n_long, hits_long) as longer_span, sum(n_short)::bigint as n_shorter,
           _rm_mean(n_short, hits_short) as accuracy_shorter, _rm_share_interval(n_short, hits_short) as shorter_span,
           _rm_lc_accuracy(n_long, hits_long, n_short, hits_short) as lc_accuracy,
           _rm_lc_interval(n_long, hits_long, n_short, hits_short) as lc_span,
           _rm_mean(n_unequal, n_long) as longer_by_votes, _rm_mean(n_unequal, by_head) as longer_by_head,
           _rm_mean(n_unequal, by_head - n_long) as lean, _rm_paired_share_interval(
               _rm_mean(n_unequal, by_head - n_long), _rm_mean_variance(n_unequal, by_head - n_long),
               count_if(n_unequal > 0)) as lean_span
    from chosen
    group by ratio
),
ranks as (
    select 'all' as ratio, chars, tokens, n_prompts, n_constant
    from _rm_length_correlation($head, $snapshot, $split, $dataset, $subset)
)
select ratio, coalesce(n_pairs, 0) as n_pairs, coalesce(n_groups, 0) as n_groups, n_seen, accuracy, span.low as low,
       span.high as high, case when n_pairs > 0 then 0.5e0 end as random, longest, coalesce(n_longer, 0) as n_longer,
       accuracy_longer, longer_span.low as longer_low, longer_span.high as longer_high,
       coalesce(n_shorter, 0) as n_shorter, accuracy_shorter, shorter_span.low as shorter_low,
       shorter_span.high as shorter_high, lc_accuracy, lc_span.low as lc_low, lc_span.high as lc_high, longer_by_votes,
       longer_by_head, lean, lean_span.low as lean_low, lean_span.high as lean_high, chars.mean as spearman_chars,
       chars.low as chars_low, chars.high as chars_high, n_prompts, n_constant, tokens.mean as spearman_tokens,
       tokens.low as tokens_low, tokens.high as tokens_high
from cells
full join ranks using (ratio)
order by _rm_length_place(ratio)
