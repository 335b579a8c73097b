-- Vectors of prompts alone, which a layout with the part 'prompt' has.
create or replace macro _rm_prompt_vectors(snapshot) as table from query(_rm_prompts_sql(snapshot));

-- The preferred response of every prompt of a snapshot: the one rated highest on the attribute, or without one that
-- won most votes. Responses of origin `crossing` were preferred for another prompt and do not count.
create or replace macro _rm_preferred(snapshot, crossing, attribute, split, dataset, subset) as table
    with scores as (
        select golds.response_id, golds.gold as score from _rm_golds(attribute) as golds
        union all
        select votes.chosen_id, count(*)::double
        from rm_pairs(snapshot) as votes
        where attribute is null and votes.prob > 0.5e0
        group by votes.chosen_id
    ),
    crossed as (
        select distinct generations.response_id
        from rm.main.generations as generations
        where generations.origin = crossing
    )
    select "rows".prompt_id, "rows".group_id, "rows".response_id, responses."text"
    from rm_rows(snapshot) as "rows"
    join scores using (response_id)
    join rm.main.responses as responses using (response_id)
    anti join crossed using (response_id)
    where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
        and (subset is null or "rows".subset = subset)
    qualify row_number() over (partition by "rows".prompt_id order by scores.score desc, "rows".response_id) = 1;

-- Contrast pairs: two prompts, each with its own preferred response and with that of the other as a crossed row. own_id
-- and crossed_id answer the first prompt, other_crossed_id and other_own_id the second; cosine is that of the prompts,
-- NULL without vectors of them. is_complete is false where only the first prompt has its crossed row.
create or replace macro _rm_contrasts(snapshot, crossing, attribute, split, dataset, subset) as table
    with preferred as materialized (
        select prompt_id, group_id, response_id, "text"
        from _rm_preferred(snapshot, crossing, attribute, split, dataset, subset)
    ),
    crossed as materialized (
        select distinct responses.prompt_id, responses.response_id, others.prompt_id as other_id
        from rm_rows(snapshot) as "rows"
        join rm.main.responses as responses on responses.response_id = "rows".response_id
        join rm.main.generations as generations
            on generations.response_id = "rows".response_id and generations.origin = crossing
        join preferred as others on others."text" = responses."text" and others.prompt_id <> responses.prompt_id
    ),
    vectors as (
        select prompt_id, embedding::double[] as embedding
        from _rm_prompt_vectors(snapshot)
        where prompt_id in (select prompt_id from crossed) or prompt_id in (select other_id from crossed)
    )
    select one.prompt_id, one.other_id, least(mine.group_id, theirs.group_id) as group_id,
           mine.response_id as own_id, one.response_id as crossed_id, two.response_id as other_crossed_id,
           theirs.response_id as other_own_id, two.response_id is not null as is_complete,
           list_cosine_similarity(first_vectors.embedding, other_vectors.embedding) as cosine
    from crossed as one
    join preferred as mine on mine.prompt_id = one.prompt_id
    join preferred as theirs on theirs.prompt_id = one.other_id
    left join crossed as two on two.prompt_id = one.other_id and two.other_id = one.prompt_id
    left join vectors as first_vectors on first_vectors.prompt_id = one.prompt_id
    left join vectors as other_vectors on other_vectors.prompt_id = one.other_id
    where two.response_id is null or one.prompt_id < one.other_id;
