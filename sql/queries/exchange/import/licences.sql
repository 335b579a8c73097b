-- A licence that was not recorded here is now.
update rm.main.datasets as known
set license = fresh.license
from _rm_in_datasets as fresh
where fresh.name = known.name and known.dropped_at is null and known.license is null and fresh.license is not null
