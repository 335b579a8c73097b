-- Every item has one vector: whole, finite, with its checksum; and the same text has the same vector.
with needed as (
    select response_id as item_id from _rm_in_responses where $part in ('joint', 'response')
    union all
    select distinct prompt_id from _rm_in_responses where $part = 'prompt'
    union all
    select step_id from _rm_in_steps where $part = 'step'
),
wrong as (
    select item_id, 'is there twice' as reason from {view} group by item_id having count(*) > 1
    union all
    select item_id, 'is of nothing in the snapshot' from {view} anti join needed using (item_id)
    union all
    select item_id, 'is missing' from needed anti join {view} using (item_id)
    union all
    select item_id, 'has no text, or counts tokens below 0'
    from {view}
    where text_id is null or n_tokens < 0 or n_cut < 0
    union all
    select item_id, 'is not ' || $dim || ' finite numbers, or does not match its checksum'
    from {view}
    where (list_count(embedding::{list}) = $dim and isfinite(list_sum(({floats})::float[]))
           and _rm_checksum({stored}) = checksum) is not true
    union all
    select min(item_id), 'has a text that other vectors have too'
    from {view}
    where text_id is not null
    group by text_id
    having count(distinct checksum) > 1
)
select 'vector of ' || coalesce(item_id::varchar, 'NULL') || ' ' || reason as problem from wrong order by problem limit 1
