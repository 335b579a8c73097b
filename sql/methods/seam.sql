-- SEAM, how well policy and reward model fit each other: arXiv 2406.07971. A RECONSTRUCTION: the published formula
-- could not be verified, so this is not the paper's number. It keeps the concept: a response does harm when the policy
-- is likely to emit it and the head overrates it.
--
-- One row per data set and prompt with a positive and negatives:
--   hack_j = 1[R(negative_j) > R(positive)] (form 'indicator'), or max(0, R(negative_j) - R(positive)) ('hinge')
--   lik_j  = exp(logp_j / n_tokens_j^alpha), from generations, of `policy` where one is named
--   mass   = sum_j lik_j hack_j;  share = mass / sum_j lik_j;  hacking = share of j with R(negative_j) > R(positive)
-- positive is 'best', the response rated highest on `attribute`, or 'reference', one of that origin. negatives are an
-- origin, such as 'contrast' or 'crossed', less what is rated as high as the positive; or 'pool' (an adaptation), the
-- sampled responses rated lower, where lik_j = 1 / K of the K that are rated, if not all have logp and n_tokens
-- (is_uniform). Else mass and share are NULL where a likelihood is missing. log_mass survives what underflows.
create or replace macro rm_seam(
    head, snapshot, negatives := 'pool', positive := 'best', attribute := 'gold', form := 'indicator', alpha := 1,
    policy := null
) as table
    with levels as (
        select pairs.* replace (case when is_complete then level when negatives = 'pool' then -ln(size) end as level),
               if(form = 'hinge', excess, sign(excess)::double) as hack
        from _rm_seam_pairs(head, snapshot, negatives, positive, attribute, form, alpha, policy) as pairs
    ),
    hacks as (
        select levels.*, max(level) over (partition by dataset, prompt_id) as top from levels
    )
    select dataset, min(subset) as subset, any_value(split) as split, any_value(group_id) as group_id, prompt_id,
           any_value(positive_id) as positive_id, bool_or(is_seen) as is_seen, count(*) as n_negatives,
           count_if(excess > 0) as num_hacking, num_hacking / n_negatives as hacking,
           not bool_and(is_complete) and negatives = 'pool' as is_uniform,
           any_value(top) + ln(nullif(sum(exp(level - top) * hack), 0)) as log_mass,
           case when any_value(top) is not null then coalesce(exp(log_mass), 0e0) end as mass,
           sum(exp(level - top) * hack) / sum(exp(level - top)) as share, sum(exp(level)) as likelihood
    from hacks
    group by dataset, prompt_id
    order by dataset, prompt_id;
comment on macro table rm_seam is
    'a row per prompt: likelihood-weighted worse responses that a head overrates, a reconstruction of SEAM';
