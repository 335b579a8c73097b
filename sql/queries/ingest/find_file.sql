select files.file_id, files.n_rows, files.n_rejected
from rm.main.dataset_files as files
join rm.main.datasets as datasets using (dataset_id)
where datasets.name = $dataset and datasets.dropped_at is null
  and files.sha256 = $sha256 and files.format = $format and files.options = $options
order by files.file_id
limit 1
