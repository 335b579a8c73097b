-- The match a second time, now with its vectors.
with matched as (
{match}
)
select response_id::uuid::varchar as response_id, embedding::float[{dim}] as embedding from matched;
