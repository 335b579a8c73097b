select datasets.name, datasets.license, _rm_file_names(datasets.source) as source, datasets.format
from rm.main.datasets as datasets
where datasets.dropped_at is null
  and (list_contains($dataset_ids::integer[], datasets.dataset_id) or datasets.dataset_id in (select dataset_id from _rm_sources))
order by datasets.name
