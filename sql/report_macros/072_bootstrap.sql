-- Bootstrap over groups, for figures that are no mean (kappa, a fitted curve, a median). Replicate r counts group g as
-- often as a Poisson variable of mean 1 that follows from the MD5 of (seed, g) and r alone: the same on every machine, and
-- two heads that are judged with one seed are drawn alike, so that their difference is paired. For means use
-- 051_intervals.sql, which needs no draws.

-- What a group is drawn by.
create or replace macro _rm_bootstrap_key(seed, group_id) as md5_number_lower(concat_ws('/', seed, group_id));

-- How often each replicate counts a group: UTINYINT[replicates]; unnest it beside range(replicates).
create or replace macro _rm_bootstrap_counts(seed, replicates, group_id) as
    _rm_poisson_counts(_rm_bootstrap_key(seed, group_id), replicates);

-- Standard normal distribution function within 1e-7 (Abramowitz and Stegun 26.2.17), for z <= 0.
create or replace macro _rm_normal_tail(z) as
    exp(-z * z / 2) / 2.5066282746310002e0 * (
        0.319381530e0 / (1 - 0.2316419e0 * z) - 0.356563782e0 / (1 - 0.2316419e0 * z)**2
        + 1.781477937e0 / (1 - 0.2316419e0 * z)**3 - 1.821255978e0 / (1 - 0.2316419e0 * z)**4
        + 1.330274429e0 / (1 - 0.2316419e0 * z)**5);

-- The quantile of a list in ascending order, with linear interpolation.
create or replace macro _rm_sorted_quantile(sorted, level) as
    sorted[floor((len(sorted) - 1) * level)::bigint + 1]
    + ((len(sorted) - 1) * level - floor((len(sorted) - 1) * level))
    * (sorted[ceil((len(sorted) - 1) * level)::bigint + 1] - sorted[floor((len(sorted) - 1) * level)::bigint + 1]);

-- 95 % interval from the replicates of a figure, an aggregate over one row per replicate: percentiles, further out
-- where groups are few (Hesterberg 2015, "What teachers should know about the bootstrap", expanded percentiles).
-- Replicates without a value (NULL) do not count; NULL for fewer than two groups, or where half of them have none.
create or replace macro _rm_bootstrap_interval(estimate, n_groups) as
    case when n_groups > 1 and 2 * count(estimate) > count(*) then {
        'low': _rm_sorted_quantile(
            list(estimate::double order by estimate) filter (estimate is not null), _rm_expanded_level(n_groups)),
        'high': _rm_sorted_quantile(
            list(estimate::double order by estimate) filter (estimate is not null), 1 - _rm_expanded_level(n_groups))
    } end;

create or replace macro _rm_expanded_level(n_groups) as
    _rm_normal_tail(-sqrt(n_groups / (n_groups - 1e0)) * _rm_t975(n_groups - 1));
