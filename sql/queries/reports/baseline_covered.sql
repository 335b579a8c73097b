-- How many of the wanted responses have a vector of the layout.
select count(*) as n
from (
{vectors}
) as members
join _rm_baseline_items as items using (response_id)
semi join _rm_baseline_wanted as wanted using (item)
