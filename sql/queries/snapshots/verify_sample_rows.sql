-- Texts of a slice of the sample, with the vectors that are stored for one part of them.
select sample.response_id::varchar as response_id, rm_prompt_text(prompts.messages) as prompt, responses.text as response,
       vectors.embedding
from _rm_sample as sample
join rm.main.responses as responses using (response_id)
join rm.main.prompts as prompts using (prompt_id)
join (
{vectors}
) as vectors using (response_id)
where sample.position between $first and $last
order by sample.position;
