-- Agreement beyond chance, from totals over pairs of responses. t lists, in order: values of pairs that have two or more,
-- those for the first side, for the second, ties; their disagreement, the sum over pairs of (m**2 - sum n_c**2) / (m - 1),
-- m values with n_c of category c; sum and sum of squares of the values; their squared differences, the sum over pairs of
-- 2 m ss / (m - 1); and, for two raters alone, the first one's votes for the first side, the second, ties.

create or replace macro _rm_observed(t) as 1 - t[5] / nullif(t[1], 0);

-- Two raters: each with frequencies of its own (Cohen 1960); more: the same for all (Fleiss 1971).
create or replace macro _rm_expected(t) as
    case when t[9] + t[10] + t[11] > 0
        then 4 * (t[9] * (t[2] - t[9]) + t[10] * (t[3] - t[10]) + t[11] * (t[4] - t[11])) / t[1]**2
        else (t[2]**2 + t[3]**2 + t[4]**2) / nullif(t[1], 0)**2
    end;

create or replace macro _rm_kappa(t) as
    case when _rm_expected(t) < 1 - 1e-12 then (_rm_observed(t) - _rm_expected(t)) / (1 - _rm_expected(t)) end;

-- Krippendorff's alpha (2011, "Computing Krippendorff's alpha-reliability"), nominal: which side wins, or a tie.
create or replace macro _rm_alpha(t) as
    1 - (t[1] - 1) * t[5] / case when t[1]**2 - t[2]**2 - t[3]**2 - t[4]**2 > 1e-9
        then t[1]**2 - t[2]**2 - t[3]**2 - t[4]**2 end;

-- The same by squared differences of the probabilities.
create or replace macro _rm_interval_alpha(t) as
    1 - (t[1] - 1) * t[8] / case when t[1] * t[7] - t[6]**2 > 1e-9 then 2 * (t[1] * t[7] - t[6]**2) end;

-- Totals by group for every two raters of a data set that share pairs, and for all of them ('all'). What a head says of
-- groups that it saw in training counts in n_seen alone, and in n_unknown where nobody knows.
create or replace macro _rm_reliability(dataset, subset, split, naming, snapshot, heads) as table
    with entries as materialized (
        select entry.*, coalesce(entry.is_seen, false) as is_left_out, (entry.value > 0.5e0)::double as f,
               (entry.value < 0.5e0)::double as s, (entry.value = 0.5e0)::double as t
        from _rm_rater_values(dataset, subset, split, naming, snapshot, heads) as entry
    ),
    pairs as (
        select a.dataset, a.rater as rater_a, b.rater as rater_b, a.group_id, a.is_seen or b.is_seen as is_seen,
               [2, a.f + b.f, a.s + b.s, a.t + b.t, 2 * (a.f <> b.f or a.s <> b.s)::double, a.value + b.value,
                a.value**2 + b.value**2, 2 * (a.value - b.value)**2, a.f, a.s, a.t] as t
        from entries as a
        join entries as b
            on b.dataset = a.dataset and b.low_id = a.low_id and b.high_id = a.high_id and b.rater > a.rater
    ),
    units as (
        select entries.dataset, entries.group_id,
               case when bool_or(entries.is_seen) then true when count(entries.is_seen) = count(*) then false end as is_seen,
               (count(*) filter (not is_left_out))::double as m, sum(f) filter (not is_left_out) as f,
               sum(s) filter (not is_left_out) as s, sum(t) filter (not is_left_out) as t,
               sum(entries.value) filter (not is_left_out) as total,
               sum(entries.value**2) filter (not is_left_out) as squares
        from entries
        group by entries.dataset, entries.group_id, entries.low_id, entries.high_id
        having count(*) > 1
    ),
    measured as (
        select pairs.dataset, rater_a, rater_b, group_id, is_seen, case when not coalesce(is_seen, false) then t end as t
        from pairs
        union all
        select units.dataset, 'all', 'all', group_id, is_seen, case when m > 1 then
                   [m, f, s, t, (m**2 - f**2 - s**2 - t**2) / (m - 1), total, squares,
                    2 * greatest(0, m * squares - total**2) / (m - 1), 0, 0, 0] end
        from units
    )
    select measured.dataset, rater_a, rater_b, group_id, count(t) as n_items, count_if(is_seen) as n_seen,
           count_if(is_seen is null) as n_unknown, list_transform(
               [sum(t[1]), sum(t[2]), sum(t[3]), sum(t[4]), sum(t[5]), sum(t[6]), sum(t[7]), sum(t[8]), sum(t[9]),
                sum(t[10]), sum(t[11])], lambda x: coalesce(x, 0e0)) as t
    from measured
    group by measured.dataset, rater_a, rater_b, group_id;
