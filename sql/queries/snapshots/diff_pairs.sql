-- The two vectors of every response of both snapshots.
select response_id, old.embedding as "old", new.embedding as "new"
from (
{old}
) as old
join (
{new}
) as new using (response_id)
