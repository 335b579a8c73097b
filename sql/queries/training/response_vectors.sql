-- Vectors of the wanted responses that a snapshot holds, with the place of each among the wanted ones.
select wanted.place, members.embedding
from (
{members}
) as members
join (select id::uuid as response_id, place from training_ids) as wanted using (response_id)
