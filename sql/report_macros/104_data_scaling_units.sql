-- What heads on samples of the training votes are worth: one row per size, repeat and group of the test split. n
-- judged votes with hits, the sum of nll, and longest, what length guesses (081_baselines.sql). n_valid and n_prompts
-- are of the sample: its votes that choose, and the groups of those that train. See 103_data_scaling.sql for the
-- samples.
create or replace macro _rm_scaling_units(
    snapshot, dataset, per_group, seed, repeats, sizes, largest, head, objective, options
) as table
    with votes as materialized (
        from _rm_scaling_votes(snapshot, dataset, per_group, seed, repeats)
    ),
    trials as materialized (
        select size, repeat, row_number() over (order by size, repeat) as trial
        from (
            select unnest(_rm_scaling_sizes(sizes, n, largest)) as size
            from (select max(list_max(places)) as n from votes where split = 'train')
        )
        cross join range(repeats) as drawn(repeat)
    ),
    samples as materialized (
        select list({'size': size, 'place': repeat + 1} order by trial) as "all", max(size) as most from trials
    ),
    marked as (
        select votes.chosen_id, votes.rejected_id, votes.prob, votes.weight,
               list_transform(samples."all", lambda sample: if(
                   votes.places[sample.place] <= sample.size, _rm_trial_mark(votes.split, false), 0)) as marks
        from votes
        cross join samples
        where list_min(votes.places) <= samples.most
    ),
    judged as materialized (
        select held.preference_id, held.group_id, held.chosen_id, held.rejected_id, held.prob,
               0.5e0 + 0.5e0 * sign(chosen.n_chars - rejected.n_chars) as longest
        from _rm_trial_votes(snapshot, dataset) as held
        join _rm_text_lengths() as chosen on chosen.response_id = held.chosen_id
        join _rm_text_lengths() as rejected on rejected.response_id = held.rejected_id
        semi join rm_pairs(snapshot) as shown using (preference_id)
        where held.split = 'test'
    ),
    responses as (
        select chosen_id as response_id from judged
        union
        select rejected_id from judged
    ),
    rewards as materialized (
        select trial, response_id, reward, temperature
        from _rm_trial_rewards(
            snapshot, (select list(marked) from marked), (select list(response_id) from responses),
            (select list(seed + repeat order by trial) from trials), head, objective, options)
    ),
    sampled as (
        select trials.trial, trials.size, trials.repeat, count_if(votes.split = 'valid') as n_valid,
               count(distinct votes.group_id) filter (votes.split = 'train') as n_prompts
        from trials
        join votes on votes.places[trials.repeat + 1] <= trials.size
        group by trials.trial, trials.size, trials.repeat
    ),
    scores as (
        from _rm_margins('judged', 'rewards')
    )
    select sampled.size, sampled.repeat, sampled.n_valid, sampled.n_prompts, scores.group_id,
           count(scores.margin) as n, sum(0.5e0 + 0.5e0 * sign(scores.margin)) as hits,
           sum(_rm_vote_nll(scores.margin / scores.temperature, scores.prob)) as nll,
           _rm_guessed(scores.longest, scores.margin is not null) as longest
    from sampled
    left join scores using (trial)
    group by all;
