-- report:  steps
-- title:   How often a head finds the first wrong reasoning step, as ProcessBench counts it
-- grain:   one row per data set, subset and split; 'all' marks totals
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, source VARCHAR = NULL,
--          threshold DOUBLE = 0.5
-- columns: dataset VARCHAR, subset VARCHAR, split VARCHAR, n_solutions BIGINT, n_groups BIGINT, n_err BIGINT,
--          n_ok BIGINT, n_unlabelled BIGINT, n_seen BIGINT, f1 DOUBLE, low DOUBLE, high DOUBLE, acc_err DOUBLE,
--          acc_ok DOUBLE, prior_f1 DOUBLE, accuracy DOUBLE, accuracy_low DOUBLE, accuracy_high DOUBLE, none DOUBLE,
--          prior DOUBLE, min_is_last DOUBLE
-- compare: share accuracy = hits / n in groups by dataset, subset, split
-- filter:  rm_step_rewards
-- chart:   bar x=subset y=f1,prior_f1 low=low high=high facet=dataset x_title='subset'
--          y_title='F1 of the first wrong step'
-- note:    A prediction is the first step below the threshold, or none. acc_err: exact over the n_err solutions with an
--          error; acc_ok: none predicted over the n_ok without; f1: their harmonic mean; low, high: its 95 % interval
--          (jackknife over groups). accuracy is exact over both kinds. Baselines: none predicts no error anywhere (its
--          f1 is 0); prior draws the first error from the training split without the solution's own group. Solutions of
--          the n_seen groups that the head saw are left out, and n_unlabelled whose labels end before an error.
--          min_is_last over 0.4: an outcome model in disguise (arXiv 2501.07301).
with judged as (
    select *, (rm_first_error(p, $threshold) = labelled)::integer as hit,
           labelled is not null and not coalesce(is_seen, false) as is_counted
    from _rm_guessed_solutions($head, $snapshot, $source)
    where $split in (split, 'all') and ($dataset is null or dataset = $dataset)
),
groups as (
    select case when grouping(dataset) = 1 then 'all' else dataset end as dataset,
           case when grouping(subset) = 1 then 'all' else subset end as subset,
           case when grouping(split) = 1 then 'all' else split end as split,
           grouping(dataset, subset, split) as level, group_id, count_if(is_counted) as n,
           count_if(labelled is null) as n_unlabelled, count_if(is_seen) as n_seen, count_if(is_seen is null) as n_unknown,
           count_if(is_counted and labelled > 0) as n_err, count_if(is_counted and labelled = -1) as n_ok,
           coalesce(sum(hit) filter (is_counted), 0) as hits,
           coalesce(sum(hit) filter (is_counted and labelled > 0), 0) as hits_err,
           coalesce(sum(hit) filter (is_counted and labelled = -1), 0) as hits_ok,
           coalesce(sum(guess) filter (is_counted and labelled > 0), 0e0) as prior_err,
           coalesce(sum(guess) filter (is_counted and labelled = -1), 0e0) as prior_ok,
           count(guess) filter (is_counted) as n_guess,
           count_if(is_counted and rm_steps_min_is_last(p)) as n_last
    from judged
    group by grouping sets (
        (dataset, subset, split, group_id), (dataset, split, group_id), (dataset, group_id), (split, group_id),
        (group_id))
    having (grouping(subset) = 1 or subset is not null) and (grouping(split) = 0 or $split = 'all')
),
-- F1 without each group in turn, whose variance is the jackknife's.
jackknife as (
    select *, case when n > 0 then _rm_f1(
               (sum(hits_err) over cell - hits_err) / nullif(sum(n_err) over cell - n_err, 0)::double,
               (sum(hits_ok) over cell - hits_ok) / nullif(sum(n_ok) over cell - n_ok, 0)::double) end as f1_without
    from groups
    window cell as (partition by level, dataset, subset, split)
),
totals as (
    select dataset, subset, split, level, sum(n)::bigint as n_solutions, count_if(n > 0)::bigint as n_groups,
           sum(n_err)::bigint as n_err, sum(n_ok)::bigint as n_ok, sum(n_unlabelled)::bigint as n_unlabelled,
           case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen, _rm_mean(n_err, hits_err) as acc_err,
           _rm_mean(n_ok, hits_ok) as acc_ok, case when count(f1_without) = count_if(n > 0)
               then (count_if(n > 0) - 1) * var_pop(f1_without) end as variance,
           _rm_mean(n, hits) as accuracy, _rm_share_interval(n, hits) as bounds,
           _rm_mean(n, n_ok) as none, case when sum(n_guess) = sum(n) then _rm_mean(n, prior_err + prior_ok) end as prior,
           case when sum(n_guess) = sum(n) then _rm_f1(_rm_mean(n_err, prior_err), _rm_mean(n_ok, prior_ok)) end
               as prior_f1,
           _rm_mean(n, n_last) as min_is_last
    from jackknife
    group by level, dataset, subset, split
)
select dataset, subset, split, n_solutions, n_groups, n_err, n_ok, n_unlabelled, n_seen, _rm_f1(acc_err, acc_ok) as f1,
       _rm_f1_interval(acc_err, acc_ok, variance, n_solutions, n_groups).low as low,
       _rm_f1_interval(acc_err, acc_ok, variance, n_solutions, n_groups).high as high,
       acc_err, acc_ok, prior_f1, accuracy, bounds.low as accuracy_low, bounds.high as accuracy_high, none, prior,
       min_is_last
from totals
order by split = 'all', split, dataset = 'all', dataset, subset = 'all', subset
