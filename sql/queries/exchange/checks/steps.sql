with joined as (
    select response_id, string_agg(text, chr(10) order by step) as text, count(*) as n_steps, min(step) as first,
           max(step) as last
    from _rm_in_steps
    group by response_id
),
wrong as (
    select step_id, 'is there twice' as reason from _rm_in_steps group by step_id having count(*) > 1
    union all
    select step_id, 'does not have the id of its content'
    from _rm_in_steps
    where step is null or text is null or step_id is distinct from _rm_step_id(response_id, step, text)
    union all
    select steps.step_id, 'is not one of those that make up its response'
    from _rm_in_steps as steps
    join joined using (response_id)
    left join _rm_in_responses as responses using (response_id)
    where joined.text is distinct from responses.text or joined.first <> 1 or joined.last <> joined.n_steps
)
select 'step ' || coalesce(step_id::varchar, 'NULL') || ' ' || reason as problem from wrong order by problem limit 1
