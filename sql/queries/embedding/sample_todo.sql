create or replace temp table _rm_todo as
select item_id, row_number() over (order by stratum, draw) as position, size from _rm_sample where part = $part;
