-- Solutions to pick the best of, by what their step probabilities say together: "Let's Reinforce Step by Step", arXiv
-- 2311.05821, compares the ways to put them together by their best-of-n.

-- The aggregates of 062_step_scores.sql as keys of a pick, the number of steps either way, and gold itself. prod by its
-- logarithm, which has the same order and does not underflow.
create or replace macro _rm_step_keys(p, gold) as [
    {'aggregate': 'min', 'score': rm_steps_min(p)},
    {'aggregate': 'prod', 'score': rm_steps_log_sum(p)},
    {'aggregate': 'geometric mean', 'score': rm_steps_mean_log(p)},
    {'aggregate': 'mean', 'score': rm_steps_mean(p)},
    {'aggregate': 'max', 'score': rm_steps_max(p)},
    {'aggregate': 'last', 'score': rm_steps_last(p)},
    {'aggregate': 'longest', 'score': len(p)::double},
    {'aggregate': 'shortest', 'score': -len(p)::double},
    {'aggregate': 'oracle', 'score': gold}];

-- One row per prompt with two solutions or more, and key: the best-of-n curve of gold for n = 1 .. size, at most most,
-- where the head did not see the group, and Spearman's correlation of the key with the number of steps. gold is 1 for a
-- solution without a wrong step, 0 for one with, or the mean rating of the attribute; solutions without are left out.
create or replace macro _rm_step_curves(head, snapshot, source, attribute, split, dataset, most) as table
    with solutions as (
        select steps.group_id, steps.prompt_id, steps.response_id, bool_or(steps.is_seen) as is_seen,
               max(steps.p) as p,
               min(if(attribute is null, (steps.labelled = -1)::integer::double, golds.gold)) as gold
        from _rm_step_solutions(head, snapshot, source) as steps
        left join _rm_golds(attribute) as golds using (response_id)
        where split in (steps.split, 'all') and (dataset is null or steps.dataset = dataset)
        group by steps.group_id, steps.prompt_id, steps.response_id
    ),
    keyed as (
        select group_id, prompt_id, is_seen, gold, len(p) as n_steps, unnest(_rm_step_keys(p, gold), recursive := true)
        from solutions
        where gold is not null
    ),
    ranked as (
        select keyed.*, (rank() over by_score + count(*) over by_score) / 2 as score_rank,
               (rank() over by_steps + count(*) over by_steps) / 2 as steps_rank
        from keyed
        window by_score as (partition by aggregate, prompt_id order by score),
               by_steps as (partition by aggregate, prompt_id order by n_steps)
    )
    select aggregate, group_id, prompt_id, bool_or(is_seen) as is_seen, avg(gold) as random,
           least(count(*), most) as size, _rm_corr(score_rank, steps_rank) as rho,
           _rm_bon_curves(list({'by': score, 'gold': gold}) filter (not coalesce(is_seen, false)), most)[1] as curve
    from ranked
    group by aggregate, group_id, prompt_id
    having count(*) > 1;
