select distinct ratings.attribute
from rm.main.snapshot_members as members
join rm.main.ratings as ratings using (response_id)
where members.snapshot_id = $snapshot_id
order by ratings.attribute
