select datasets.name as dataset, numbered.file, _rm_file_names(files.path) as path, files.sha256, files.format, numbered.options,
       files.n_rows, files.n_prompts, files.n_responses, files.n_preferences, files.n_ratings, files.n_steps,
       files.n_rejected, files.ingested_at
from _rm_files as numbered
join rm.main.dataset_files as files using (file_id)
join rm.main.datasets as datasets using (dataset_id)
where numbered.is_first
order by numbered.file
