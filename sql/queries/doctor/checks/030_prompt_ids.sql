-- check: ids of prompts match their content
-- hint:  somebody changed the content; ingest the data set into a new store
with sampled as (
    select prompt_id, group_id, messages
    from rm.main.prompts
    where $sample is null
       or ('0x' || right(prompt_id::varchar, 8))::uint32 % greatest(1, (select count(*) from rm.main.prompts) // $sample) = 0
)
select 'prompt ' || prompt_id as example, 1 as n
from sampled
where prompt_id <> _rm_prompt_id(messages) or group_id <> _rm_group_id(messages)
order by example
