-- What _rm_prompt_vectors shows: the prompts that an encoder embedded alone.
select renderings.item_id as prompt_id, vectors.embedding
from rm.main.renderings as renderings
join {vectors} as vectors on vectors.encoder_id = renderings.encoder_id and vectors.text_id = renderings.text_id
where renderings.part = 'prompt' and renderings.encoder_id = {encoder_id}
