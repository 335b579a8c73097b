-- Vectors of the wanted prompts under an encoder, those it embedded alone, in id order.
select prompts.prompt_id::varchar as id, prompts.embedding
from (
{prompts}
) as prompts
semi join (select id::uuid as prompt_id from neighbour_ids) as wanted using (prompt_id)
order by prompts.prompt_id
