delete from rm.main.responses where response_id in (select response_id from _rm_dropped_responses)
