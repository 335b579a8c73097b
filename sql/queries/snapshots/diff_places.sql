-- Where the vectors of the responses of both snapshots lie, in the order of the old ones: what was stored together is
-- read together, and of tables of which a slice needs a few rows the engine reads only the parts that hold them.
create or replace temp table _rm_places as
select row_number() over (order by {first}) as position, response_id, {places}
from (
{old}
) as old
join (
{new}
) as new using (response_id);
