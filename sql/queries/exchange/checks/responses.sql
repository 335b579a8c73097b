with wrong as (
    select response_id, 'is there twice' as reason from _rm_in_responses group by response_id having count(*) > 1
    union all
    select response_id, 'does not have the id of its content'
    from _rm_in_responses
    where text is null or response_id is distinct from _rm_response_id(prompt_id, text)
    union all
    select response_id, 'names a prompt that is not there'
    from _rm_in_responses anti join _rm_in_prompts using (prompt_id)
)
select 'response ' || coalesce(response_id::varchar, 'NULL') || ' ' || reason as problem from wrong order by problem limit 1
