-- How many responses were added, removed, kept, rerendered, reencoded.
select count(*) filter (change = 'added') as n_added,
       count(*) filter (change = 'removed') as n_removed,
       count(*) filter (change = 'kept') as n_kept,
       count(*) filter (change = 'rerendered') as n_rerendered,
       count(*) filter (change = 'reencoded') as n_reencoded
from (
{changes}
) as changes;
