-- Vectors of the wanted responses, by number.
select items.item, members.embedding
from (
{vectors}
) as members
join _rm_baseline_items as items using (response_id)
semi join _rm_baseline_wanted as wanted using (item)
