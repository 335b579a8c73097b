-- Vectors of the wanted prompts under an encoder, those it embedded as prompts alone, in id order.
select renderings.item_id::varchar as id, vectors.embedding
from rm.main.renderings as renderings
join {vectors} as vectors on vectors.encoder_id = renderings.encoder_id and vectors.text_id = renderings.text_id
semi join (select id::uuid as item_id from neighbour_ids) as wanted using (item_id)
where renderings.part = 'prompt' and renderings.encoder_id = {encoder_id}
order by renderings.item_id
