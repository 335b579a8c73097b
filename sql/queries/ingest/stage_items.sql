-- One line per response of a good row, with its ids. Rows usually share one prompt, which is hashed once.
create temp table _rm_items as
with items as (
    select row, subset, metadata, split, prompt_id, group_id, responses[1].messages as first,
           unnest(responses) as response, generate_subscripts(responses, 1) as position
    from _rm_records
    where problem is null
),

shared as (select *, position = 1 or response.messages = first as is_shared from items),

known as (
    select row, position, subset, split, metadata, response.text as text,
           case when position = 1 or not is_shared then response.messages end as messages,
           nullif(response.policy, '') as policy, response.variant as variant,
           coalesce(nullif(response.origin, ''), 'sampled') as origin, response.logp as logp,
           response.n_tokens as n_tokens, response.ratings as ratings,
           response.steps as steps, is_shared,
           case when is_shared then prompt_id else _rm_prompt_id(response.messages) end as prompt_id,
           case when is_shared then group_id else _rm_group_id(response.messages) end as group_id
    from shared
),

responses as (select *, _rm_response_id(prompt_id, text) as response_id from known)

select *, _rm_generation_id(response_id, $dataset, subset, policy, variant, origin) as generation_id
from responses
