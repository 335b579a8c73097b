-- Sums of what policies win, by group, and their interval.

-- One row per data set, policy, baseline and group: the n votes of _rm_facing that count, which are those on groups that the
-- head did not see in training (n_seen votes are on the others, n_unknown where nobody knows), and sums over them. Those of
-- lengths are over the n_lengths votes with both texts. policy NULL: all.
create or replace macro _rm_win_groups(
    dataset, subset, split, annotator, source, baseline, policy, head, snapshot
) as table
    with faced as (
        select faced.*, (not coalesce(faced.is_seen, false))::integer as m
        from _rm_facing(
            dataset, subset, split, annotator, source, baseline, head := head, snapshot := snapshot) as faced
        where _rm_policy_name(policy) is null or faced.policy = policy
    )
    select faced.dataset, faced.policy, faced.baseline, faced.group_id, sum(m)::bigint as n,
           count_if(faced.is_seen) as n_seen, count_if(faced.is_seen is null) as n_unknown,
           count_if(m = 1 and win = 0.5e0) as n_ties, sum(m * win) as total,
           sum(m * (0.5e0 + 0.5e0 * sign(win - 0.5e0))) as wins, count_if(m = 1 and n_chars is not null) as n_lengths,
           sum(m * (0.5e0 + 0.5e0 * sign(n_chars - opponent_chars))) as longest, sum(m * n_chars)::bigint as chars,
           sum(m * opponent_chars)::bigint as baseline_chars
    from faced
    group by faced.dataset, faced.policy, faced.baseline, faced.group_id;

-- Interval of the mean of values in [0, 1] that say more than a coin: Wilson's, as _rm_share_interval, for as many coins as
-- their variance is worth, which may be more than there are. Two coins are added to the variance, as in Agresti and Coull
-- 1998: where groups are few and most values near 0 or 1, it is underestimated more often than not.
create or replace macro _rm_coins(p, variance, n, n_groups) as
    (n_groups + 1) * p * (1 - p) / nullif(variance * (n_groups - 1) + 2 * p * (1 - p) / n, 0);

create or replace macro _rm_graded_interval(n, total) as
    _rm_wilson(
        _rm_mean(n, total),
        coalesce(_rm_coins(_rm_mean(n, total), _rm_mean_variance(n, total), sum(n)::double, count_if(n > 0)::double),
                 case when count_if(n > 0) > 1 then count_if(n > 0)::double end),
        _rm_t975(count_if(n > 0) - 1));
