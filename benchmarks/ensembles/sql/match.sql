-- The vector of every response that some policy gave which does not play the judge: NullModel, whose annotations call
-- it 'example', and gpt4_gamed. The file knows a response by the hash of prompt, two newlines and response.
select keyed.response_id, file.embedding
from file
join (
    select responses.response_id, left(sha256(rm_prompt_text(messages) || chr(10) || chr(10) || text), 16) as key
    from responses
    join prompts using (prompt_id)
    where responses.response_id in (
        select response_id from generations where policy not in ('example', 'gpt4_gamed'))
) as keyed on keyed.key = file.response_id
