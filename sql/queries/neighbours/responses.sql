-- Vectors of the wanted responses of a snapshot, those it holds, in id order.
select members.response_id::varchar as id, members.embedding
from (
{members}
) as members
semi join (select id::uuid as response_id from neighbour_ids) as wanted using (response_id)
order by members.response_id
