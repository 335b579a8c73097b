select path, sha256, files.format, options::varchar as options, n_rows, n_rejected, ingested_at
from rm.main.dataset_files as files
join rm.main.datasets as datasets using (dataset_id)
where name = $name and dropped_at is null
order by file_id
