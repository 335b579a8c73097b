-- Contrast instructions, reward (in)consistency: arXiv 2309.16155. The paper's band of similarity is not verified.
--
-- Which rows the report consistency needs: two prompts of a snapshot whose vectors have a cosine from low to high,
-- among the k nearest of either, and the preferred response of the one to be read as a response to the other. One row
-- per direction. Write prompt, text and origin 'crossed' to a file, ingest it with the format responses and embed it:
--   select prompts.messages, pairs.text, 'crossed' as origin
--   from rm_contrast_pairs('hh') as pairs join rm.main.prompts as prompts using (prompt_id)
-- Preferred is the response rated highest on the attribute, or without one that won most votes. The prompts need
-- vectors of their own, of a layout with the part 'prompt'.
create or replace macro rm_contrast_pairs(snapshot, low := 0.75, high := 0.9, k := 40, attribute := null) as table
    with preferred as materialized (
        select prompt_id, group_id, response_id, "text"
        from _rm_preferred(snapshot, 'crossed', attribute, 'all', null, null)
    ),
    found as (
        select id as one, neighbour_id as other, similarity as cosine
        from _rm_neighbours(
            snapshot, 'prompt', (select list({'id': prompt_id, 'group': group_id} order by prompt_id) from preferred),
            (select list({'id': prompt_id, 'group': group_id} order by prompt_id) from preferred), k, 'cosine')
        where similarity between low and high
    ),
    pairs as (
        select one, other, cosine from found
        union all
        select other, one, cosine from found
    )
    select pairs.one as prompt_id, pairs.other as other_id, any_value(pairs.cosine) as cosine,
           any_value(preferred.response_id) as response_id, any_value(preferred."text") as "text"
    from pairs
    join preferred on preferred.prompt_id = pairs.other
    group by pairs.one, pairs.other
    order by pairs.one, pairs.other;
comment on macro table rm_contrast_pairs is
    'similar prompts of a snapshot, each with the preferred response of the other: the rows that consistency needs';
