-- Where a line from before to now reaches a level; the place of now where there is none before; else NULL.
create or replace macro _rm_crossing(place, value, place_before, value_before, level) as
    case when value >= level and coalesce(value_before < level, true)
        then coalesce(place_before + (place - place_before) * (level - value_before) / (value - value_before), place)
    end;

-- ECE of every cell with its 95 % interval and what it would be about if every probability were true; from a list of
-- {dataset, split, group_id, bin, n, gap, variance}: by group and bin the votes, the sum of confidence less agreement,
-- and of its variance were the probabilities true. An ECE found is above the true one, since noise in a bin counts
-- whichever way it goes, and percentiles of a bootstrap count it twice. So the interval is by test inversion (Carpenter
-- 1999, "Test inversion bootstrap confidence intervals"): the true gaps are taken to be those found times a scale, the
-- noise to be that of the replicates, and the interval is over scales at which an ECE as was found is no surprise.
create or replace macro _rm_ece_intervals(parts, seed, replicates) as table
    with parts as materialized (
        select unnest(parts, recursive := true)
    ),
    found as materialized (
        select dataset, split, bin, sum(gap) / sum(sum(n)) over cell as gap,
               sqrt(2 / pi() * sum(variance)) / sum(sum(n)) over cell as chance
        from parts
        group by dataset, split, bin
        window cell as (partition by dataset, split)
    ),
    errors as materialized (
        select dataset, split, sum(abs(gap)) as ece, sum(chance) as chance from found group by dataset, split
    ),
    -- Number 0 of a replicate is how many votes it has, number b how far confidence is above agreement in bin b.
    drawn as (
        select dataset, split, count(distinct group_id) as n_groups, unnest(range(replicates)) as replicate,
               unnest(_rm_bootstrap_totals(
                   list({'key': _rm_bootstrap_key(seed, group_id), 'number': 0, 'value': n::double})
                   || list({'key': _rm_bootstrap_key(seed, group_id), 'number': bin, 'value': gap}),
                   replicates)) as totals
        from parts
        group by dataset, split
    ),
    gaps as (
        select dataset, split, n_groups, replicate, unnest(range(1, len(totals))) as bin,
               unnest(totals[2:]) / totals[1] as gap
        from drawn
        where totals[1] > 0
    ),
    scales as (
        select dataset, split, ece, unnest(list_append(
                   list_transform(range(41), lambda step: step / 10e0), greatest(5e0, 1 / nullif(ece, 0)))) as scale
        from errors
    ),
    spans as (
        select dataset, split, ece, scale, _rm_bootstrap_interval(drawn_ece, n_groups) as span
        from (
            select gaps.dataset, gaps.split, n_groups, ece, scale, replicate,
                   sum(abs(gaps.gap + (scale - 1) * found.gap)) as drawn_ece
            from gaps
            join found using (dataset, split, bin)
            join scales using (dataset, split)
            group by all
        )
        group by dataset, split, n_groups, ece, scale
    ),
    crossings as (
        select dataset, split,
               _rm_crossing(scale, span.high, lag(scale) over by_scale, lag(span.high) over by_scale, ece) as low,
               _rm_crossing(scale, span.low, lag(scale) over by_scale, lag(span.low) over by_scale, ece) as high,
               span is not null as is_given
        from spans
        window by_scale as (partition by dataset, split order by scale)
    )
    select errors.dataset, errors.split, errors.ece, errors.chance,
           case when bool_or(is_given) then errors.ece * min(low) end as low,
           case when bool_or(is_given) then least(1e0, coalesce(errors.ece * min(high), 1e0)) end as high
    from errors
    left join crossings using (dataset, split)
    group by errors.dataset, errors.split, errors.ece, errors.chance;
