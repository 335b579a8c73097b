-- Weights for pairs whose responses another policy wrote than the one to be judged: off-policy corrected reward
-- modelling, arXiv 2507.15507. Log-probabilities are sums over a response. They enter by their difference
-- alone and are never exponentiated by themselves, so a response may be as long as it likes.

-- Log of the relative density ratio p / (a p + (1 - a) q) of a policy p to the policy q that wrote the response; it is
-- at most log(1 / a). alpha 0 is the plain ratio.
create or replace macro _rm_log_density_ratio(logp, logp_ref, alpha) as
    case
        when alpha is null or not alpha between 0 and 1
            then error('alpha is ' || coalesce(alpha::varchar, 'NULL') || ': give a share from 0 to 1, such as 0.1')
        when logp = logp_ref or alpha = 1 then 0e0
        when alpha = 0 then logp::double - logp_ref::double
        when logp_ref > logp
            then logp::double - logp_ref::double - ln(1e0 + alpha * (exp(logp::double - logp_ref::double) - 1e0))
        else -ln(1e0 + (1e0 - alpha) * (exp(logp_ref::double - logp::double) - 1e0))
    end;

create or replace macro rm_off_policy_weight(
    chosen_logp, chosen_logp_ref, rejected_logp, rejected_logp_ref, alpha := 0.1, tau := 0.001
) as
    case
        when tau is null or not tau between 0 and 1e3
            then error('tau is ' || coalesce(tau::varchar, 'NULL') || ': give a number from 0 on, such as 0.001')
        when tau = 0 then 1e0
        else exp(tau::double * (_rm_log_density_ratio(chosen_logp, chosen_logp_ref, alpha::double)
            + _rm_log_density_ratio(rejected_logp, rejected_logp_ref, alpha::double)))
    end;
comment on macro rm_off_policy_weight is
    'weight of a pair under another policy than the one that wrote it, from log-probabilities; at most alpha^(-2 tau)';

-- Without log-probabilities (adaptation): how much more often the new policy gives this response than the old one. prob
-- is the chance that a response is of the new policy, by a head trained on n_old and n_new responses of either:
--   select rm_train_ratings('drift', embedding, is_new, objective := 'logistic') from rows
-- whose rm_score is the log-odds; cross-fit it with rm_fold(group_id). The ratio's logarithm, beside a reference of 0,
-- is what rm_off_policy_weight takes.
create or replace macro rm_density_ratio_weight(prob, n_old, n_new) as
    case
        when not prob between 0 and 1 then error('prob is ' || prob || ': give a chance from 0 to 1')
        when least(n_old, n_new) <= 0
            then error('n_old is ' || n_old || ' and n_new is ' || n_new || ': give how many responses there were')
        when prob = 1 then 'inf'::double
        else prob::double / (1e0 - prob::double) * n_old::double / n_new::double
    end;
comment on macro rm_density_ratio_weight is
    'density ratio of a new policy to an old one, from a classifier''s chance that a response is of the new one';

create or replace macro rm_effective_sample_size(weight) as
    fsum(weight::double)**2 / nullif(fsum(weight::double**2), 0e0);
comment on macro rm_effective_sample_size is
    'how many equal weights say as much as these: (sum w)^2 / sum w^2; an aggregate, also under GROUP BY';
