-- Where the vectors of the members of a snapshot lie: for every part the row of their table.
select members.response_id, {places}
from rm.main.snapshot_members as members
{joins}
where members.snapshot_id = {snapshot_id}
