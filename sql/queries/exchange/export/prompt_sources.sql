select distinct sources.prompt_id::varchar as prompt_id, datasets.name as dataset, files.file, sources."row",
       sources.subset, sources.split, sources.metadata::varchar as metadata
from _rm_sources as sources
join rm.main.datasets as datasets using (dataset_id)
join _rm_files as files using (file_id)
order by 1, 2, 3, 4, 5, 6, 7
