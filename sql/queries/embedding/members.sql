-- The responses of the data sets that pass the filter, on a cursor of its own.
create or replace temp table _rm_members as
with judged as (
    select response_id, prompt_id, (
{where}
    ) as is_kept
    from _rm_candidates($datasets)
)
select distinct response_id, prompt_id from judged where is_kept;
