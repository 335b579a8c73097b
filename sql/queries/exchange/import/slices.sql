-- The first item of every slice, as text, by which row groups are found.
select item
from (select item, row_number() over (order by item) as position from {view})
where position % $size = 1
order by item;
