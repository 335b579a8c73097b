-- The members of a snapshot that are there, as embedding reads them.
create or replace temp table _rm_members as
select responses.response_id, responses.prompt_id
from rm.main.snapshot_members as members
join rm.main.responses as responses using (response_id)
where members.snapshot_id = $snapshot_id
