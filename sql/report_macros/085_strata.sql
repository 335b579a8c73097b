-- 95 % intervals of weighted means over strata, such as the subsets of a benchmark: the mean is sum(total) / sum(n)
-- over one row per group, whose weights n add up to the number of units; residual is the group's sum of weight * (value
-- - mean of its stratum) * sqrt(g / (g - 1)) for the g groups of the stratum. A group may lie in several strata; a
-- stratum of one group says nothing of its variance, and there is no interval. With one stratum they are those of
-- 051_intervals.sql.

create or replace macro _rm_residual_scale(n_groups) as sqrt(n_groups / nullif(n_groups - 1e0, 0));

create or replace macro _rm_strata_variance(n, residual) as
    case when count_if(n > 0) > 1 and count_if(n > 0 and residual is null) = 0
        then sum(residual**2) filter (n > 0) / sum(n)::double**2
    end;

-- Degrees of freedom: groups less strata, as in stratified samples (Cochran 1977, section 5.6, crude form).
create or replace macro _rm_strata_t(n, n_strata) as _rm_t975(count_if(n > 0) - max(n_strata));

-- Interval of the mean of any number.
create or replace macro _rm_strata_mean_interval(n, total, residual, n_strata) as {
    'low': _rm_mean(n, total) - _rm_strata_t(n, n_strata) * sqrt(_rm_strata_variance(n, residual)),
    'high': _rm_mean(n, total) + _rm_strata_t(n, n_strata) * sqrt(_rm_strata_variance(n, residual))
};

-- Interval of the mean of a share: Wilson's. Where nothing varies it has the groups that the weights are worth
-- (Kish 1965: squared sum over sum of squares).
create or replace macro _rm_strata_share_interval(n, total, residual, n_strata) as
    _rm_wilson(
        least(1e0, _rm_mean(n, total)),
        _rm_effective_n(
            least(1e0, _rm_mean(n, total)), _rm_strata_variance(n, residual), sum(n)::double,
            sum(n)::double**2 / sum(n::double**2)),
        _rm_strata_t(n, n_strata));

-- The weight of a unit of each stratum, over one row per stratum and its number of units, where strata count alike: the
-- weights add up to the units of all.
create or replace macro _rm_even_weight(n_units) as sum(n_units) over () / (count(*) over () * n_units);
