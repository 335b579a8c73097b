-- Two runs of a report, group by group, from their units by cell and group. Groups that both judged on the same number of
-- units (or weight, to 1e-9) count; n_unpaired are the others. Differences are left less right; their interval and z are
-- those of the mean of paired differences, clustered by group ({interval}, 052_differences.sql). {number} and {kind}:
-- name and type of the number of units; {left} and {right}: names of the mean on both sides. Totals that differ in
-- their order of addition alone, by 1e-12 of their size, do not vary.
with sides as (
    select {keys}group_id, unit_n, unit_total, true as is_left from units_left
    union all
    select {keys}group_id, unit_n, unit_total, false from units_right
),
groups as (
    select {keys}group_id, sum(unit_n) filter (is_left) as n_left, sum(unit_n) filter (not is_left) as n_right,
           sum(unit_total) filter (is_left) as total_left, sum(unit_total) filter (not is_left) as total_right
    from sides
    where unit_n > 0
    group by {keys}group_id
),
judged as (
    select groups.*, coalesce(abs(n_left - n_right) <= 1e-9 * n_left, false) as is_paired from groups
),
paired as (
    select {keys}case when is_paired then n_left else 0 end as unit_n,
           case when is_paired then total_left else 0 end as total_left,
           case when is_paired then total_right else 0 end as total_right, is_paired
    from judged
),
cells as (
    select {keys}sum(unit_n) as unit_n, count_if(is_paired) as n_groups, count_if(not is_paired) as n_unpaired,
           _rm_mean(unit_n, total_left) as mean_left, _rm_mean(unit_n, total_right) as mean_right,
           _rm_mean(unit_n, total_left - total_right) as difference,
           _rm_beyond_rounding(_rm_mean_variance(unit_n, total_left - total_right),
               1e-11 * (sum(total_left**2) + sum(total_right**2)) / sum(unit_n)**2) as variance
    from paired
    group by {grouped}
)
select {keys}coalesce(unit_n, 0)::{kind} as {number}, coalesce(n_groups, 0)::bigint as n_groups,
       coalesce(n_unpaired, 0)::bigint as n_unpaired, mean_left as {left}, mean_right as {right}, difference,
       bounds.low as low, bounds.high as high, _rm_z(difference, variance) as z
from cells
cross join lateral (select {interval}(difference, variance, n_groups) as bounds)
order by {order}
