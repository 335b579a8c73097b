-- Whether all vectors of the members have length 1.
select bool_and(is_unit) as is_unit from _rm_found semi join _rm_members using (response_id);
