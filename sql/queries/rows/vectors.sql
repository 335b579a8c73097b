-- One row per member of a snapshot with its vector, put together from the parts of the layout.
select members.response_id, {n_tokens} as n_tokens, {embedding} as embedding
from rm.main.snapshot_members as members
{joins}
where members.snapshot_id = {snapshot_id}
