-- Trajectory plus step rewards on frozen embeddings: an adaptation of ReasonFlux-PRM, arXiv 2506.18896, whose
-- formulas are taken from memory and whose scores come from language models. This is not the paper's result.
--
-- One row per solution: reward = step_reward + alpha * trajectory_reward, where step_reward is the mean over the steps of
-- the softmax-weighted sum of three scores, of which a missing one is dropped and the weights of the others renormalised:
--   align  cosine of the step's vector with that of the whole solution (the vector of its last step);
--   qual   the label of `source`, such as a judge's; without a source, what all sources agree on;
--   coh    sigmoid(cos(e_t, e_t-1) / tau - ln mean exp(cos(e_n, e_t-1) / tau)) over steps n of other prompts, drawn by
--          `negatives` and `seed`; a first step has none.
-- `weights` multiply the softmax in that order; 0 leaves a score out. trajectory_reward is rm_step_prob(head, vector of the
-- whole solution); alpha is 1 with a head and 0 without.
create or replace macro rm_trajectory_rewards(
    snapshot, source := null, head := null, alpha := null, weights := [1, 1, 1], tau := 0.1, negatives := 8, seed := 0
) as table
    with steps as materialized (
        select prompt_id, group_id, response_id, dataset, subset, split, step_id, step, n_steps, label, embedding
        from rm_steps(snapshot, source := source)
    ),
    vectors as materialized (
        select step_id, any_value(prompt_id) as prompt_id, any_value(response_id) as response_id,
               any_value(step) as step, any_value(n_steps) as n_steps, any_value(embedding) as embedding
        from steps
        group by step_id
    ),
    places as (
        select step_id, prompt_id, row_number() over (order by step_id) - 1 as place, count(*) over () as n from vectors
    ),
    -- Drawn before they are joined, which keeps the join a hash join.
    draws as materialized (
        select step_id, prompt_id,
               (_rm_draw('rm_trajectory/' || seed || '/' || step_id || '/' || draw) % n)::bigint as place
        from places
        cross join (select unnest(range(negatives)) as draw)
    ),
    drawn as (
        select draws.step_id, others.step_id as other_id
        from draws
        join places as others using (place)
        where others.prompt_id <> draws.prompt_id
    ),
    neighbours as (
        select vectors.step_id, vectors.embedding, earlier.embedding as anchor
        from vectors
        join vectors as earlier on earlier.response_id = vectors.response_id and earlier.step = vectors.step - 1
    ),
    negative as (
        select drawn.step_id, ln(avg(exp(_rm_cosine(others.embedding, neighbours.anchor) / tau::double))) as level
        from drawn
        join neighbours using (step_id)
        join vectors as others on others.step_id = drawn.other_id
        group by drawn.step_id
    ),
    coherence as (
        select step_id, 1 / (1 + exp(level - _rm_cosine(embedding, anchor) / tau::double)) as coh
        from neighbours
        join negative using (step_id)
    ),
    ends as (
        select response_id, embedding, rm_step_prob(head, embedding) as reward
        from vectors
        where step = n_steps
    ),
    scored as (
        select steps.* exclude (embedding), _rm_cosine(steps.embedding, ends.embedding) as align, steps.label as qual,
               coherence.coh, ends.reward as trajectory_reward
        from steps
        join ends using (response_id)
        left join coherence using (step_id)
    )
    select prompt_id, group_id, response_id, dataset, subset, split, any_value(n_steps) as n_steps,
           avg(_rm_fused([align, qual, coh], weights)) as step_reward, any_value(trajectory_reward) as trajectory_reward,
           step_reward + _rm_times(alpha, any_value(trajectory_reward), head is not null) as reward,
           list({'step': step, 'align': align, 'qual': qual, 'coh': coh, 'reward': _rm_fused([align, qual, coh], weights)}
               order by step) as steps
    from scored
    group by prompt_id, group_id, response_id, dataset, subset, split
    order by response_id, dataset, subset;
comment on macro table rm_trajectory_rewards is
    'a reward per solution: mean over steps of alignment, label and coherence, plus alpha times a head''s probability';
