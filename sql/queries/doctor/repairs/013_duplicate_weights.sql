-- repair: weights that stood more than once
delete from rm.main.head_weights
where rowid not in (select min(rowid) from rm.main.head_weights group by head_id, sha256, bytes)
