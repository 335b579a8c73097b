-- Length-controlled accuracy: the mean of the accuracy over votes for the longer side and over votes for the shorter
-- one, each half, so that a rule that knows lengths alone scores exactly 0.5. An adaptation to reward heads, by
-- post-stratification, of the idea of AlpacaEval's length control (arXiv 2404.04475), which puts the length difference
-- of a fitted curve to 0. Votes of sides as long as each other, or of unknown length, are in neither half. Aggregates
-- over one row per group: n_long and hits_long of votes for the longer side, n_short and hits_short of the others;
-- NULL where a half is empty.
create or replace macro _rm_lc_accuracy(n_long, hits_long, n_short, hits_short) as
    (_rm_mean(n_long, hits_long) + _rm_mean(n_short, hits_short)) / 2;

-- Its variance when whole groups are drawn: the delta method on both means, with their covariance, times G / (G - 1).
create or replace macro _rm_lc_variance(n_long, hits_long, n_short, hits_short) as
    case when count_if(n_long + n_short > 0) > 1 and sum(n_long) > 0 and sum(n_short) > 0 then
        count_if(n_long + n_short > 0) / (count_if(n_long + n_short > 0) - 1e0) / 4 * greatest(0e0,
            _rm_residual_product(n_long, hits_long, n_long, hits_long)
            + _rm_residual_product(n_short, hits_short, n_short, hits_short)
            + 2 * _rm_residual_product(n_long, hits_long, n_short, hits_short))
    end;

-- Sum over groups of the product of two means' residuals, each as a share of its own number of units.
create or replace macro _rm_residual_product(n_a, total_a, n_b, total_b) as
    (sum(total_a::double * total_b)
        - _rm_mean(n_b, total_b) * sum(total_a::double * n_b)
        - _rm_mean(n_a, total_a) * sum(n_a::double * total_b)
        + _rm_mean(n_a, total_a) * _rm_mean(n_b, total_b) * sum(n_a::double * n_b))
    / sum(n_a)::double / sum(n_b)::double;

-- Its 95 % interval: Wilson's for the number of votes that would be as uncertain, as for every share here.
create or replace macro _rm_lc_interval(n_long, hits_long, n_short, hits_short) as
    _rm_wilson(
        _rm_lc_accuracy(n_long, hits_long, n_short, hits_short),
        _rm_effective_n(
            _rm_lc_accuracy(n_long, hits_long, n_short, hits_short),
            _rm_lc_variance(n_long, hits_long, n_short, hits_short),
            sum(n_long + n_short)::double, count_if(n_long + n_short > 0)::double),
        _rm_t975(count_if(n_long + n_short > 0) - 1));
