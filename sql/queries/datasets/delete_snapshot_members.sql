delete from rm.main.snapshot_members
where (snapshot_id, response_id) in (select snapshot_id, response_id from _rm_lost_members)
