-- The training pairs that a vector is nearest to, up to $k where the chosen side is nearer and $k where the rejected is.
-- {width} is set by head_explain.py.
with pairs as (
    select chosen_id, rejected_id, count(*) as votes
    from _rm_head_votes($head_id)
    where prob > 0.5e0
    group by chosen_id, rejected_id
),
near as (
    select response_id, any_value(array_cosine_similarity(embedding, $vector::float[{width}]))::double as similarity
    from rm_rows($snapshot)
    where response_id in (select chosen_id from pairs union all select rejected_id from pairs)
    group by response_id
    having isfinite(similarity)
),
pulled as (
    select pairs.chosen_id, pairs.rejected_id, pairs.votes, chosen.similarity - rejected.similarity as pull,
           greatest(chosen.similarity, rejected.similarity) as similarity, count(*) over () as n_searched
    from pairs
    join near as chosen on chosen.response_id = pairs.chosen_id
    join near as rejected on rejected.response_id = pairs.rejected_id
),
nearest as (
    select pulled.*, case when pull > 0 then 'up' else 'down' end as direction
    from pulled
    where pull <> 0
    qualify row_number() over (partition by pull > 0 order by similarity desc, chosen_id, rejected_id) <= $k
)
select nearest.direction, nearest.similarity, nearest.pull, nearest.chosen_id::varchar as chosen_id,
       nearest.rejected_id::varchar as rejected_id, nearest.votes,
       left(rm_prompt_text(prompts.messages), 160) as prompt, left(chosen.text, 160) as chosen,
       left(rejected.text, 160) as rejected, nearest.n_searched
from nearest
join rm.main.responses as chosen on chosen.response_id = nearest.chosen_id
join rm.main.responses as rejected on rejected.response_id = nearest.rejected_id
join rm.main.prompts as prompts on prompts.prompt_id = chosen.prompt_id
order by nearest.direction desc, nearest.similarity desc, nearest.chosen_id, nearest.rejected_id
