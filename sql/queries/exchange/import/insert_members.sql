insert into rm.main.snapshot_members select $snapshot_id, response_id from _rm_in_responses order by response_id;
