-- 95 % intervals of a mean whose units come in groups. n and total are columns of one row per group: the number of
-- its units, and the total of their values. The macros are aggregates over those rows; groups with n = 0 do not count,
-- and fewer than two groups have no interval (NULL).

-- The 97.5 % quantile of Student's t: a table to 20 degrees of freedom, then Fisher's expansion (within 1e-7).
create or replace macro _rm_t975(df) as
    case
        when df < 1 then null
        when df <= 20 then [
            12.7062047364e0, 4.3026527297e0, 3.1824463053e0, 2.7764451052e0, 2.5705818356e0, 2.4469118511e0,
            2.3646242516e0, 2.3060041352e0, 2.2621571628e0, 2.2281388520e0, 2.2009851601e0, 2.1788128297e0,
            2.1603686565e0, 2.1447866879e0, 2.1314495456e0, 2.1199052992e0, 2.1098155778e0, 2.1009220402e0,
            2.0930240544e0, 2.0859634473e0][df::bigint]
        else 1.9599639845e0 + 2.3722712303e0 / df + 2.8224986157e0 / df**2 + 2.5558496795e0 / df**3
            + 1.5895340540e0 / df**4
    end;

create or replace macro _rm_mean(n, total) as sum(total)::double / nullif(sum(n), 0);

-- The mean of a column, the same to the bit in whatever order its rows come, for what is ranked or compared afterwards:
-- a plain sum of 0.1, 0.2 and 0.3 depends on which comes first.
create or replace macro _rm_steady_mean(value) as list_avg(list_sort(list(value)));

-- A difference of sums of squares of about this size; where it is no more than their rounding, 0.
create or replace macro _rm_beyond_rounding(difference, size) as
    case when difference <= 1e-13 * size then 0e0 else difference end;

-- Variance of the mean when whole groups are drawn: the sandwich estimate times G / (G - 1). Exactly 0 where the groups
-- do not differ.
create or replace macro _rm_mean_variance(n, total) as
    case when count_if(n > 0) > 1 then
        count_if(n > 0) / (count_if(n > 0) - 1e0) / sum(n)::double**2 * _rm_beyond_rounding(
            sum(total::double**2)
            - 2 * _rm_mean(n, total) * sum(total::double * n)
            + _rm_mean(n, total)**2 * sum(n::double**2),
            sum(total::double**2) + _rm_mean(n, total)**2 * sum(n::double**2))
    end;

-- Interval of the mean of any number: t standard errors to either side.
create or replace macro _rm_mean_interval(n, total) as {
    'low': _rm_mean(n, total) - _rm_t975(count_if(n > 0) - 1) * sqrt(_rm_mean_variance(n, total)),
    'high': _rm_mean(n, total) + _rm_t975(count_if(n > 0) - 1) * sqrt(_rm_mean_variance(n, total))
};

-- Wilson's interval of a share p among n independent units, at quantile t; NULL without n.
create or replace macro _rm_wilson(p, n, t) as case when n > 0 then {
    'low': greatest(0e0, least(p,
        (p + t**2 / (2 * n) - t * sqrt(p * (1 - p) / n + t**2 / (4 * n**2))) / (1 + t**2 / n))),
    'high': least(1e0, greatest(p,
        (p + t**2 / (2 * n) + t * sqrt(p * (1 - p) / n + t**2 / (4 * n**2))) / (1 + t**2 / n)))
} end;

-- Independent units that would be as uncertain: never more than there are, and the groups where nothing varies.
create or replace macro _rm_effective_n(p, variance, n, n_groups) as
    case
        when variance is null then null
        when variance > 1e-12 then least(n, p * (1 - p) / variance)
        else n_groups
    end;

-- Interval of the mean of a share (values 0, 0.5, 1): Wilson's, with the effective number of units.
create or replace macro _rm_share_interval(n, total) as
    _rm_wilson(
        _rm_mean(n, total),
        _rm_effective_n(
            _rm_mean(n, total), _rm_mean_variance(n, total), sum(n)::double, count_if(n > 0)::double),
        _rm_t975(count_if(n > 0) - 1));
