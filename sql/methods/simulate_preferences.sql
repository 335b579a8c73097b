-- Pair annotation with controllable noise: Reusing Embeddings, arXiv 2502.04357, after its code (methods 1.1).
--
-- Pairs of rated responses, and who wins them: P(first wins) = sigmoid(quality * (gold_1 - gold_2) / scale). A quality
-- below 0 is noiseless. scale is the standard deviation of gold in the snapshot unless given. Each prompt gets
-- per_prompt distinct pairs, or what 5 * per_prompt attempts find; with across the second response answers another
-- prompt. The same seed and candidates give the same pairs at any quality. win_prob is the chance that the vote had.
create or replace macro rm_simulate_preferences(
    snapshot, quality := 1, per_prompt := 10, across := false, attribute := 'gold', scale := null, seed := 0
) as table
    with golds as (
        select ratings.response_id, avg(ratings.value) as gold
        from rm.main.ratings as ratings
        where ratings.attribute = attribute
        group by ratings.response_id
    ),
    candidates as (
        select "rows".prompt_id, "rows".group_id, "rows".split, "rows".response_id, golds.gold,
               row_number() over (partition by "rows".prompt_id order by "rows".response_id) - 1 as slot
        from (select distinct prompt_id, group_id, split, response_id from rm_rows(snapshot)) as "rows"
        join golds using (response_id)
    ),
    spread as (
        select coalesce(scale, list_stddev_pop(list(gold order by gold)) + 1e-8)::double as unit from candidates
    ),
    prompts as (
        select prompt_id, count(*) as size, row_number() over (order by prompt_id) - 1 as place,
               count(*) over () as n_prompts
        from candidates
        group by prompt_id
    ),
    attempts as materialized (
        select prompt_id, attempt, draw, _rm_draw(draw || 'first') % size as slot,
               case
                   when across then (place + 1 + _rm_draw(draw || 'prompt') % greatest(n_prompts - 1, 1)) % n_prompts
                   else place
               end as other_place
        from (
            select prompt_id, size, place, n_prompts, attempt,
                   'rm_simulate/' || seed || '/' || prompt_id || '/' || attempt || '/' as draw
            from prompts
            cross join (select unnest(range(5 * per_prompt)) as attempt)
        )
    ),
    sides as materialized (
        select attempts.prompt_id, attempts.attempt, attempts.draw, attempts.slot, others.prompt_id as other_id,
               _rm_draw(attempts.draw || 'second') % others.size as other_slot
        from attempts
        join prompts as others on others.place = attempts.other_place
    ),
    pairs as (
        select sides.prompt_id, sides.attempt, sides.draw, first.response_id as first_id, first.group_id, first.split,
               first.gold as first_gold, second.response_id as second_id, second.gold as second_gold
        from sides
        join candidates as first on first.prompt_id = sides.prompt_id and first.slot = sides.slot
        join candidates as second on second.prompt_id = sides.other_id and second.slot = sides.other_slot
        qualify row_number() over (
            partition by least(first.response_id, second.response_id), greatest(first.response_id, second.response_id)
            order by sides.attempt, sides.prompt_id) = 1
    ),
    kept as (
        select pairs.*, (first_gold - second_gold) / spread.unit as gap
        from pairs
        cross join spread
        where first_id <> second_id
        qualify row_number() over (partition by prompt_id order by attempt) <= per_prompt
    ),
    votes as (
        select kept.*,
               if(quality >= 0, 1 / (1 + exp(-quality::double * gap)), 0.5e0 + 0.5e0 * sign(gap)) as first_prob,
               _rm_uniform(draw || 'vote') < first_prob as first_wins
        from kept
    )
    select if(first_wins, first_id, second_id) as chosen_id, if(first_wins, second_id, first_id) as rejected_id,
           prompt_id, group_id, split,
           if(first_wins, first_gold, second_gold) as chosen_gold,
           if(first_wins, second_gold, first_gold) as rejected_gold,
           if(first_wins, first_prob, 1 - first_prob) as win_prob
    from votes
    order by chosen_id, rejected_id;
comment on macro table rm_simulate_preferences is
    'votes of a noisy annotator on pairs of rated responses: chosen_id, rejected_id, win_prob; quality below 0 has no noise';
