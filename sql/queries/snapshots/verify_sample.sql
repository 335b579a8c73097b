-- Members drawn by hash: the same seed draws the same ones.
create or replace temp table _rm_sample as
with drawn as (
    select response_id, md5($seed || ' ' || response_id) as lot from _rm_members order by lot, response_id limit $sample
)
select response_id, row_number() over (order by lot, response_id) as position from drawn;
