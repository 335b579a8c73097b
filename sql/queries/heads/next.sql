-- Numbers of the next head and of the next version of a name; dropped ones keep theirs.
select coalesce(max(head_id), 0) + 1 as head_id,
       coalesce(max(version) filter (where name = $name), 0) + 1 as version
from rm.main.heads
