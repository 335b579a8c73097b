-- What the probabilities p of a solution's steps, in the order of the steps, say of the solution: "Let's Reinforce Step by
-- Step", arXiv 2311.05821. p is clamped to [1e-6, 1 - 1e-6]; NULLs do not count, and an empty list gives NULL.
create or replace macro _rm_clamped(p) as list_transform(p, lambda s: case
    when isnan(s::double) then error('a step probability is NaN')
    when s is not null then least(greatest(s::double, 1e-6::double), 1 - 1e-6::double)
end);

create or replace macro rm_steps_min(p) as list_min(_rm_clamped(p));
comment on macro rm_steps_min is 'the lowest step probability';

create or replace macro rm_steps_prod(p) as list_product(_rm_clamped(p));
comment on macro rm_steps_prod is 'product of the step probabilities: the chance that all are right, if independent';

create or replace macro rm_steps_mean(p) as list_avg(_rm_clamped(p));
comment on macro rm_steps_mean is 'mean of the step probabilities';

create or replace macro rm_steps_max(p) as list_max(_rm_clamped(p));
comment on macro rm_steps_max is 'the highest step probability';

create or replace macro rm_steps_last(p) as _rm_clamped(p)[-1];
comment on macro rm_steps_last is 'probability of the last step';

create or replace macro rm_steps_log_sum(p) as list_sum(list_transform(_rm_clamped(p), lambda s: ln(s)));
comment on macro rm_steps_log_sum is 'sum of the log step probabilities: the order of rm_steps_prod, for any number of steps';

create or replace macro rm_steps_mean_log(p) as exp(list_avg(list_transform(_rm_clamped(p), lambda s: ln(s))));
comment on macro rm_steps_mean_log is 'geometric mean, exp of the mean log of the step probabilities: free of their number';

-- The first wrong step and how well it is found, as ProcessBench counts it: arXiv 2501.07301 and its code,
-- but for the number of a step, which counts from 1 as in the table of steps.
create or replace macro rm_first_error(p, threshold := 0.5) as
    case when p is not null then
        coalesce(list_position(list_transform(p, lambda s: coalesce(s < threshold, false)), true), -1)::integer
    end;
comment on macro rm_first_error is 'number, from 1, of the first step whose probability is below the threshold; -1 for none';

create or replace macro rm_steps_min_is_last(p) as list_position(p, list_min(p)) = len(p);
comment on macro rm_steps_min_is_last is
    'true where no earlier step has as low a probability as the last; over 40 % of solutions: an outcome model in disguise';

create or replace macro _rm_f1(a, b) as case when a + b > 0 then 2 * a * b / (a + b) when a + b = 0 then 0e0 end;

-- Wilson's interval of an F1 of that variance, as _rm_share_interval has it of a share.
create or replace macro _rm_f1_interval(a, b, variance, n, n_groups) as _rm_wilson(
    _rm_f1(a, b), _rm_effective_n(_rm_f1(a, b), variance, n::double, n_groups::double), _rm_t975(n_groups - 1));

-- An aggregate over solutions: acc_err over those with an error, acc_ok over those without, and their harmonic mean, 0
-- where both are 0 and NULL where there is no solution of a kind. NULL on either side leaves a solution out.
create or replace macro rm_processbench(predicted, labelled) as {
    'n_err': count_if(labelled >= 0 and predicted is not null)::bigint,
    'n_ok': count_if(labelled < 0 and predicted is not null)::bigint,
    'acc_err': avg((predicted = labelled)::integer) filter (labelled >= 0),
    'acc_ok': avg((predicted < 0)::integer) filter (labelled < 0),
    'f1': _rm_f1(
        avg((predicted = labelled)::integer) filter (labelled >= 0), avg((predicted < 0)::integer) filter (labelled < 0))
};
comment on macro rm_processbench is
    'accuracy on solutions with and without an error, and their F1, from predicted and labelled first errors (-1: none)';
