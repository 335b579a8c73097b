-- repair: members that stood more than once
delete from rm.main.snapshot_members
where rowid not in (select min(rowid) from rm.main.snapshot_members group by snapshot_id, response_id)
