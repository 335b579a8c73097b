-- Prompts and responses for the clock: a fixed draw, as response ids are hashes.
select rm_prompt_text(prompts.messages) as prompt, responses.text as response
from responses
join prompts using (prompt_id)
order by response_id
limit $n
