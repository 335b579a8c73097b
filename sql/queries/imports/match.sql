-- The operator's own query, whose rows say which vector belongs to which response.
create or replace temp table _rm_matched as
select response_id::uuid as response_id, embedding::float[] as embedding from (
{match}
);
