-- Pair annotation with controllable noise: Reusing Embeddings, arXiv 2502.04357, after its code.
--
-- Pairs of rated responses, and who wins them: P(first wins) = sigmoid(quality * (gold_1 - gold_2) / scale). A quality
-- below 0 is noiseless. scale is the standard deviation of gold in the snapshot unless given. Each prompt gets
-- per_prompt distinct pairs, or what 5 * per_prompt attempts find; with across the second response answers another
-- prompt of the same split, so that no vote ties training to test. The same seed and candidates give the same pairs at
-- any quality. win_prob is the chance that the vote had. fold leaves the prompts of rm_fold(group_id, folds) = fold out.
create or replace macro rm_simulate_preferences(
    snapshot, quality := 1, per_prompt := 10, across := false, attribute := 'gold', scale := null, seed := 0,
    fold := null, folds := 5
) as table
    with golds as (
        select response_id, avg(value) as gold
        from rm.main.ratings as ratings
        where ratings.attribute = _rm_rated_attribute(attribute)
        group by response_id
    ),
    candidates as materialized (
        select "rows".*, golds.gold, row_number() over (partition by prompt_id order by response_id) - 1 as slot
        from (
            select distinct prompt_id, group_id, split, response_id from rm_rows(snapshot)
            where _rm_rated_attribute(attribute) is not null and (fold is null or rm_fold(group_id, folds) <> fold)
        ) as "rows"
        join golds using (response_id)
    ),
    spread as (
        select coalesce(scale, list_stddev_pop(list(gold order by gold)) + 1e-8)::double as unit from candidates
    ),
    prompts as (
        select prompt_id, split, count(*) as size, count(*) over by_split as n_prompts,
               row_number() over (by_split order by prompt_id) - 1 as place
        from candidates
        group by prompt_id, split
        window by_split as (partition by split)
    ),
    attempts as materialized (
        select prompts.*, attempt, _rm_draw(draw || 'first') % size as slot, draw,
               if(across, (place + 1 + _rm_draw(draw || 'prompt') % greatest(n_prompts - 1, 1)) % n_prompts, place)
                   as other_place
        from prompts
        cross join lateral (select unnest(range(5 * per_prompt)) as attempt)
        cross join lateral (
            select 'rm_simulate/' || seed || '/' || prompt_id || '/' || attempt || '/' as draw)
    ),
    sides as materialized (
        select attempts.prompt_id, attempts.attempt, attempts.draw, attempts.slot, others.prompt_id as other_id,
               _rm_draw(attempts.draw || 'second') % others.size as other_slot
        from attempts
        join prompts as others on others.split = attempts.split and others.place = attempts.other_place
        where across = (others.prompt_id <> attempts.prompt_id)
    ),
    pairs as (
        select sides.prompt_id, sides.attempt, sides.draw, first.response_id as first_id, first.group_id, first.split,
               first.gold as first_gold, second.response_id as second_id, second.gold as second_gold
        from sides
        join candidates as first on first.prompt_id = sides.prompt_id and first.slot = sides.slot
        join candidates as second on second.prompt_id = sides.other_id and second.slot = sides.other_slot
        where first.response_id <> second.response_id
        qualify row_number() over (partition by least(first_id, second_id), greatest(first_id, second_id)
                                   order by sides.attempt, sides.prompt_id) = 1
    ),
    votes as (
        select pairs.*, (first_gold - second_gold) / spread.unit as gap,
               if(quality >= 0, 1 / (1 + exp(-quality::double * gap)), 0.5e0 + 0.5e0 * sign(gap)) as first_prob,
               _rm_uniform(draw || 'vote') < first_prob as first_wins
        from pairs
        cross join spread
        qualify row_number() over (partition by prompt_id order by attempt) <= per_prompt
    )
    select if(first_wins, first_id, second_id) as chosen_id, if(first_wins, second_id, first_id) as rejected_id,
           prompt_id, group_id, split, if(first_wins, first_gold, second_gold) as chosen_gold,
           if(first_wins, second_gold, first_gold) as rejected_gold,
           if(first_wins, first_prob, 1 - first_prob) as win_prob
    from votes
    order by chosen_id, rejected_id;
comment on macro table rm_simulate_preferences is
    'votes of a noisy annotator on pairs of rated responses: chosen_id, rejected_id, win_prob; quality below 0 has no noise';
