-- Whether a data set holds placeholders alone, and those of this file.
select bool_and(files.format = 'npy') as is_npy, bool_or(files.sha256 = $sha256) as has_file
from rm.main.datasets as datasets
join rm.main.dataset_files as files using (dataset_id)
where datasets.name = $dataset and datasets.dropped_at is null
having count(*) > 0;
