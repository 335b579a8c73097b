delete from rm.main.snapshot_members where response_id in (select response_id from _rm_dropped_responses)
