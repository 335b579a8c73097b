-- report:  data-scaling
-- title:   What more training votes gain: accuracy on held-out votes by the number of votes to learn from
-- grain:   one row per size of the sample
-- engines: duckdb
-- params:  snapshot SNAPSHOT, sizes VARCHAR = NULL, largest INTEGER = 32000, per_group INTEGER = NULL,
--          head VARCHAR = 'linear', objective VARCHAR = 'bt', options VARCHAR = NULL, dataset VARCHAR = NULL,
--          repeats INTEGER = 3, seed INTEGER = 0
-- columns: n_train BIGINT, n_valid DOUBLE, n_prompts DOUBLE, n_pairs BIGINT, n_groups BIGINT, accuracy DOUBLE,
--          low DOUBLE, high DOUBLE, accuracy_sd DOUBLE, nll DOUBLE, random DOUBLE, longest DOUBLE, shortest DOUBLE,
--          gain DOUBLE, gain_low DOUBLE, gain_high DOUBLE, fitted DOUBLE, fit_a DOUBLE, fit_b DOUBLE, fit_c DOUBLE
-- compare: share accuracy = hits / n in groups by n_train
-- filter:  rm_pairs
-- chart:   line x=n_train y=accuracy,fitted,longest low=low high=high x_scale=log x_title='training votes'
--          y_title='accuracy on held-out votes (share)'
-- note:    Heads are trained on n_train votes of the split train, choose on n_valid of valid, and are judged on all of
--          test; they are not stored. Samples are of whole groups (n_prompts), drawn by seed; a larger one holds the
--          smaller. sizes such as '500,5000' replace the default, 250 doubled up to all votes or to largest. per_group
--          takes at most so many votes of a group: at the same n_train, fewer per group are more prompts (arXiv
--          2412.06000). Measures are means over repeats with seeds seed, seed + 1, ...; accuracy_sd is the standard
--          deviation between them, low and high the 95 % interval by groups of the judged votes. gain: accuracy per
--          doubling since the row before, with its paired interval (NULL where nothing varies). fitted = fit_a - fit_b
--          n_train^(-fit_c), least squares over the rows with fit_c from 0.02 to 2 (NULL for fewer than four): fit_a is
--          what more of such votes tend to, an extrapolation. longest is NULL where no text was published. A condition
--          keeps votes to be judged: heads learn from all.
with units as materialized (
    from _rm_scaling_units(
        $snapshot, $dataset, if($per_group is null, null, _rm_checked_count('per_group', $per_group, 1, 10000000)),
        $seed, _rm_checked_count('repeats', $repeats, 1, 100), $sizes, _rm_checked_count('largest', $largest, 2, 10000000),
        $head, $objective, $options)
),
groups as materialized ( -- means over repeats: a vote counts once, however often it is judged
    select size as n_train, group_id, sum(n) / $repeats as n, sum(hits) / $repeats as hits, sum(nll) / $repeats as nll,
           sum(longest.total) / $repeats as longest, sum(longest.known) as n_lengths
    from units
    group by size, group_id
),
judged as (
    select n_train, sum(n) as n, count_if(n > 0) as n_groups, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits) as span, _rm_mean(n, nll) as nll,
           case when sum(n_lengths) > 0 then _rm_mean(n, longest) end as longest,
           lag(n_train) over (order by n_train) as before
    from groups
    group by n_train
),
repeats as (
    select size as n_train, avg(n_valid) as n_valid, avg(n_prompts) as n_prompts,
           stddev_samp(accuracy) as accuracy_sd
    from (
        select size, repeat, any_value(n_valid) as n_valid, any_value(n_prompts) as n_prompts,
               _rm_mean(n, hits) as accuracy
        from units
        group by size, repeat
    )
    group by size
),
gains as (
    select judged.n_train, any_value(log2(judged.n_train / judged.before)) as doublings,
           _rm_mean(now.n, now.hits - past.hits) as gain,
           _rm_paired_share_interval(_rm_mean(now.n, now.hits - past.hits),
                                     _rm_mean_variance(now.n, now.hits - past.hits), count_if(now.n > 0)) as span
    from judged
    join groups as now using (n_train)
    join groups as past on past.n_train = judged.before and past.group_id = now.group_id
    group by judged.n_train
),
curve as (
    select _rm_power_curve(list({'n': n_train, 'y': accuracy} order by n_train)) as fit from judged where n > 0
)
select judged.n_train::bigint as n_train, repeats.n_valid, repeats.n_prompts,
       judged.n::bigint as n_pairs, judged.n_groups::bigint as n_groups, judged.accuracy,
       judged.span.low as low, judged.span.high as high, repeats.accuracy_sd, judged.nll,
       if(judged.n > 0, 0.5e0, null) as random, judged.longest, 1 - judged.longest as shortest,
       gains.gain / doublings as gain, gains.span.low / doublings as gain_low, gains.span.high / doublings as gain_high,
       curve.fit.a - curve.fit.b * judged.n_train ** -curve.fit.c as fitted,
       curve.fit.a as fit_a, curve.fit.b as fit_b, curve.fit.c as fit_c
from judged
join repeats using (n_train)
left join gains using (n_train)
cross join curve
order by judged.n_train
