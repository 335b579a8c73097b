delete from rm.main.steps where response_id in (select response_id from _rm_dropped_responses)
