-- report:  spearman
-- title:   How well a head orders the responses to a prompt, beside what their length says
-- grain:   one row per data set; 'all' marks the total
-- engines: duckdb
-- folds:   yes
-- levels:  yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', attribute VARCHAR = 'gold', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL
-- columns: dataset VARCHAR, n_prompts BIGINT, n_groups BIGINT, n_candidates BIGINT, n_seen BIGINT, n_constant BIGINT,
--          spearman DOUBLE, low DOUBLE, high DOUBLE, random DOUBLE, longest DOUBLE, shortest DOUBLE, kendall DOUBLE,
--          kendall_low DOUBLE, kendall_high DOUBLE, pooled DOUBLE
-- chart:   bar x=dataset y=spearman,longest,shortest low=low high=high x_title='data set'
--          y_title='rank correlation with gold within prompts'
-- compare: spearman = total / n in groups by dataset
-- filter:  rm_rewards
-- note:    Spearman's correlation of reward and gold over the distinct responses to a prompt, equal values sharing the
--          mean of their ranks; its mean over the n_prompts whose group the head did not see in training (n_seen
--          others; NULL where unknown). n_constant more are left out: reward or gold is the same for all candidates.
--          Intervals are 95 %, clustered by group. longest, shortest: the same with the number of characters for the
--          reward, 0 where it does not vary, NULL where no text was published. kendall: tau-b. pooled: Spearman over
--          all candidates of all prompts at once, which also asks for the level of a prompt.
with candidates as (
    select dataset, group_id, prompt_id, is_seen, is_new, reward, gold, n_chars, reward_rank, gold_rank,
           length_rank, reward_pool_rank, gold_pool_rank
    from _rm_candidate_ranks($head, $snapshot, $attribute, $split, $dataset, $subset)
),
pools as (
    select dataset, _rm_corr(reward_pool_rank, gold_pool_rank) as pooled from candidates where is_new group by dataset
),
prompts as (
    select dataset, group_id, prompt_id, bool_or(is_seen) as is_seen, bool_and(is_new) as is_new, count(*) as size,
           _rm_corr(reward_rank, gold_rank) as spearman, coalesce(_rm_corr(length_rank, gold_rank), 0e0) as longest,
           count(n_chars) filter (is_new) as n_lengths,
           _rm_kendall(list({'x': reward, 'y': gold}) filter (is_new)) as kendall
    from candidates
    group by dataset, group_id, prompt_id
),
groups as (
    select dataset, group_id, count(spearman) filter (is_new) as n, count(*) filter (is_seen) as n_seen,
           count(*) filter (is_seen is null) as n_unknown, count(*) filter (is_new and spearman is null) as n_constant,
           coalesce(sum(size) filter (is_new and spearman is not null), 0) as n_candidates,
           coalesce(sum(spearman) filter (is_new), 0e0) as total,
           coalesce(sum(longest) filter (is_new and spearman is not null), 0e0) as longest,
           coalesce(sum(kendall) filter (is_new), 0e0) as kendall, sum(n_lengths) as n_lengths
    from prompts
    group by dataset, group_id
)
select groups.dataset, sum(n)::bigint as n_prompts, count(*) filter (n > 0) as n_groups,
       sum(groups.n_candidates)::bigint as n_candidates,
       case when sum(n_unknown) = 0 then sum(groups.n_seen)::bigint end as n_seen,
       sum(groups.n_constant)::bigint as n_constant, _rm_mean(n, total) as spearman,
       _rm_mean_interval(n, total).low as low, _rm_mean_interval(n, total).high as high,
       case when sum(n) > 0 then 0e0 end as random,
       case when sum(n_lengths) > 0 then _rm_mean(n, longest) end as longest,
       case when sum(n_lengths) > 0 then -_rm_mean(n, longest) end as shortest,
       _rm_mean(n, groups.kendall) as kendall, _rm_mean_interval(n, groups.kendall).low as kendall_low,
       _rm_mean_interval(n, groups.kendall).high as kendall_high, any_value(pooled) as pooled
from groups
left join pools using (dataset)
group by groups.dataset
order by groups.dataset = 'all', groups.dataset
