-- How many rows a check finds and three of them, counted here: a note on every vector of a store would not fit in memory.
select coalesce(sum(n), 0)::bigint as n, coalesce(min(example::varchar, 3), []) as examples
from (
{check}
);
