create or replace temp table _rm_members as
select response_id from rm.main.snapshot_members where snapshot_id = $snapshot_id;
