-- Two runs of a report, group by group, from their units by cell and group. Groups that both judged on the same number of
-- units (or weight, to 1e-9) count; n_unpaired are the others. Differences are left less right; their interval and z are
-- those of the mean of paired differences, clustered by group (051_intervals.sql). {metric}: name of the mean.
with sides as (
    select {keys}group_id, n, total, true as is_left from units_left
    union all
    select {keys}group_id, n, total, false from units_right
),
groups as (
    select {keys}group_id, sum(n) filter (is_left) as n, sum(n) filter (not is_left) as n_right,
           sum(total) filter (is_left) as total, sum(total) filter (not is_left) as total_right
    from sides
    where n > 0
    group by {keys}group_id
),
judged as (
    select groups.*, coalesce(abs(n - n_right) <= 1e-9 * n, false) as is_paired from groups
),
paired as (
    select {keys}case when is_paired then n else 0 end as n, case when is_paired then total else 0 end as total,
           case when is_paired then total_right else 0 end as total_right, is_paired
    from judged
),
cells as (
    select {keys}sum(n) as n, count_if(is_paired) as n_groups, count_if(not is_paired) as n_unpaired,
           _rm_mean(n, total) as metric, _rm_mean(n, total_right) as metric_right,
           _rm_mean(n, total - total_right) as difference,
           _rm_mean_interval(n, total - total_right) as bounds,
           _rm_mean_variance(n, total - total_right) as variance
    from paired
    group by {grouped}
)
select {keys}n::{number} as n, n_groups::bigint as n_groups, n_unpaired::bigint as n_unpaired, metric as {left},
       metric_right as {right}, difference, bounds.low as low, bounds.high as high,
       case when variance > 1e-18 * difference**2 then difference / sqrt(variance) end as z
from cells
order by {order}
