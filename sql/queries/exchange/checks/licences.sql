-- Data sets that this store has under another licence.
select datasets.name, datasets.license as here, fresh.license as there
from _rm_in_datasets as fresh
join rm.main.datasets as datasets on datasets.name = fresh.name and datasets.dropped_at is null
where datasets.license <> fresh.license
order by datasets.name
limit 1
