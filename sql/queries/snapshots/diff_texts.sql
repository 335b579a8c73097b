-- What stands for the members of a snapshot: a rendered text per part, and the tokens of those that are counted.
select members.response_id, {n_tokens} as n_tokens, row({text_ids}) as texts
from rm.main.snapshot_members as members
left join rm.main.responses as responses using (response_id)
{joins}
where members.snapshot_id = {snapshot_id}
