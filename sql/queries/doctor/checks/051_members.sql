-- check: every member of a snapshot is a response that is there
-- hint:  drop the snapshot and make it again
select 'response ' || members.response_id || ' of snapshot ' || members.snapshot_id as example, 1 as n
from rm.main.snapshot_members as members
anti join rm.main.responses as responses using (response_id)
order by example
