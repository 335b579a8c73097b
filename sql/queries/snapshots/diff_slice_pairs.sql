-- The two vectors of every response of a slice, found by their rows.
select places.response_id, {old} as "old", {new} as "new"
from _rm_slice as places
{joins}
