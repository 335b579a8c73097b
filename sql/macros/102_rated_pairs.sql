-- Pairs of rated responses that an annotator could be shown; rm_simulate_preferences says who wins.

-- Each prompt gets per_prompt distinct pairs, or what 5 * per_prompt attempts find; with across the second response
-- answers another prompt of the same split. gap = (first_gold - second_gold) / scale, by default the standard deviation
-- of gold among the candidates. The same seed and candidates give the same pairs; draw is a text of the pair's own to
-- draw from. fold leaves the prompts of rm_fold(group_id, folds) = fold out; an attribute that is NULL has no pairs.
create or replace macro _rm_rated_pairs(snapshot, per_prompt, across, attribute, scale, seed, fold, folds) as table
    with candidates as materialized (
        select "rows".*, golds.gold, row_number() over (partition by prompt_id order by response_id) - 1 as slot
        from (
            select distinct prompt_id, group_id, split, response_id from rm_rows(snapshot)
            where fold is null or rm_fold(group_id, folds) <> fold
        ) as "rows"
        join _rm_golds(attribute) as golds using (response_id)
    ),
    spread as (
        select coalesce(scale, list_stddev_pop(list(gold order by gold)) + 1e-8)::double as unit from candidates
    ),
    prompts as (
        select prompt_id, split, count(*) as size, count(*) over by_split as n_prompts,
               row_number() over (by_split order by prompt_id) - 1 as place
        from candidates
        group by prompt_id, split window by_split as (partition by split)
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
    )
    select pairs.prompt_id, pairs.group_id, pairs.split, pairs.draw, pairs.first_id, pairs.first_gold, pairs.second_id,
           pairs.second_gold, (first_gold - second_gold) / spread.unit as gap
    from pairs
    cross join spread
    qualify row_number() over (partition by prompt_id order by attempt) <= per_prompt;
