-- What heads on noisy labels are worth: one row per trial and group of the test split. n judged votes with hits, sum of
-- nll, and longest, what length guesses (081_baselines.sql); of n_prompts with rated candidates the gold of the pick by
-- reward (equal rewards share the mean of their gold), of a random one and of the best. levels and seeds are lists by
-- trial; see 103_label_noise.sql for the labels.
create or replace macro _rm_noise_units(
    snapshot, attribute, dataset, most, candidates, seed, levels, seeds, head, objective, options
) as table
    with judged as materialized (
        select votes.key, votes.group_id, votes.chosen_id, votes.rejected_id,
               0.5e0 + 0.5e0 * sign(chosen.n_chars - rejected.n_chars) as longest
        from _rm_right_votes(snapshot, attribute, dataset, seed) as votes
        join _rm_text_lengths() as chosen on chosen.response_id = votes.chosen_id
        join _rm_text_lengths() as rejected on rejected.response_id = votes.rejected_id
        where votes.split = 'test' and (votes.gap is null or votes.gap > 0)
    ),
    rated as materialized (
        select group_id, prompt_id, response_id, gold, random, oracle
        from _rm_gold_candidates(snapshot, attribute, dataset, candidates, seed)
    ),
    marked as (
        select chosen_id, rejected_id, prob, weight, list(_rm_trial_mark(split, is_wrong) order by trial) as marks
        from _rm_noisy_labels(snapshot, attribute, dataset, most, seed, levels, seeds)
        group by key, chosen_id, rejected_id, prob, weight
    ),
    responses as (
        select chosen_id as response_id from judged
        union
        select rejected_id from judged
        union
        select response_id from rated
    ),
    rewards as materialized (
        select trial, response_id, reward, temperature
        from _rm_trial_rewards(
            snapshot, (select list(marked) from marked), (select list(response_id) from responses), seeds, head,
            objective, options)
    ),
    margins as (
        from _rm_margins('judged', 'rewards')
    ),
    picks as (
        select trial, group_id, prompt_id, avg(gold) as gold, any_value(random) as random, any_value(oracle) as oracle
        from (
            select rewards.trial, rated.*,
                   rank() over (partition by rewards.trial, rated.prompt_id order by rewards.reward desc) as place
            from rated
            join rewards using (response_id)
        )
        where place = 1
        group by trial, group_id, prompt_id
    )
    select trial, group_id, count(*) as n, sum(0.5e0 + 0.5e0 * sign(margin)) as hits,
           sum(_rm_softplus(-margin / temperature)) as nll, _rm_guessed(longest, true) as longest, 0 as n_prompts,
           null::double as gold, null::double as random, null::double as oracle
    from margins
    group by trial, group_id
    union all
    select trial, group_id, 0, null, null, null, count(*), sum(gold), sum(random), sum(oracle)
    from picks
    group by trial, group_id;
