-- Whether a data set holds placeholders alone, and those of this file.
select bool_and(coalesce(files.format, datasets.format) = 'npy') as is_npy, coalesce(bool_or(files.sha256 = $sha256), false) as has_file
from rm.main.datasets as datasets
left join rm.main.dataset_files as files using (dataset_id)
where datasets.name = $dataset and datasets.dropped_at is null
having count(*) > 0;
