-- Prompts for over-optimisation curves, with their best-of-n curves by reward for n of 1 .. last_n. Used are those
-- whose candidates all come from one policy, since the distance of best-of-n is measured from the policy that it draws
-- from; whose group the head did not see in training; and which have enough candidates: min_candidates, or where that
-- is NULL as many as half of the others have. last_n is the fewest that a used prompt has, so that every point of a
-- curve is over the same prompts. Scales are standard deviations within prompts: the root of the mean variance.
create or replace macro _rm_overoptimisation_prompts(
    head, snapshot, attribute, split, dataset, subset, min_candidates
) as table
    with prompts as (
        select group_id, count(*) as size, bool_or(is_seen) as is_seen, _rm_is_mixed(policy) as is_mixed,
               var_pop(reward) as proxy_variance, var_pop(gold) as gold_variance,
               list({'by': reward, 'proxy': reward, 'gold': gold}) as candidates
        from _rm_rated_rewards(head, snapshot, attribute, split, dataset, subset)
        group by group_id, prompt_id
    ),
    fitting as (
        select *, is_mixed and not coalesce(is_seen, false) as is_only_mixed,
               not is_mixed and not coalesce(is_seen, false) as fits
        from prompts
    ),
    enough as (
        select greatest(2, coalesce(min_candidates, quantile_disc(size, 0.5))) as size from fitting where fits
    ),
    marked as (
        select group_id, is_seen, is_only_mixed, proxy_variance, gold_variance, fitting.size, candidates,
               fits and fitting.size >= enough.size as is_used, fits and fitting.size < enough.size as is_short
        from fitting
        cross join enough
    )
    select group_id, is_used, is_seen, is_only_mixed as is_mixed, is_short,
           min(size) filter (is_used) over () as last_n,
           sqrt(avg(proxy_variance) filter (is_used) over ()) as proxy_scale,
           sqrt(avg(gold_variance) filter (is_used) over ()) as gold_scale,
           _rm_bon_curves(if(is_used, candidates, null), null) as curves
    from marked;

-- The peak of the curve of several fits together, an aggregate; none where they cancel out.
create or replace macro _rm_summed_peak(a, b) as rm_overoptimisation_peak(
    _rm_beyond_rounding(sum(a), sum(abs(a))), _rm_beyond_rounding(sum(b), sum(abs(b))));

-- 95 % interval of that peak by bootstrap over groups, from a list of {group_id, a, b}, and the share of the replicates
-- that have one.
create or replace macro _rm_peak_interval(fits, seed, replicates) as table
    select _rm_bootstrap_interval(peak, n_groups) as bounds, count(peak) / count(*) as share
    from (
        select n_groups, _rm_summed_peak(times * fit.a, times * fit.b) as peak
        from (
            select fit, len(fits) as n_groups, unnest(range(replicates)) as replicate,
                   unnest(_rm_bootstrap_counts(seed, replicates, fit.group_id)) as times
            from (select unnest(fits) as fit)
        )
        group by replicate, n_groups
    )
    group by n_groups;

-- How many prompts were left out, and why; an aggregate over those rows.
create or replace macro _rm_left_out(is_seen, is_mixed, is_short) as {
    'n_seen': case when count(is_seen) = count(*) then count(*) filter (is_seen) end,
    'n_mixed': count(*) filter (is_mixed),
    'n_short': count(*) filter (is_short)
};
