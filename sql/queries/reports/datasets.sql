-- Data sets with their licences and files; $names null means every one.
select datasets.name, datasets.license, datasets.source,
       list({'path': files.path, 'sha256': files.sha256} order by files.file_id)
           filter (files.file_id is not null) as files
from rm.main.datasets as datasets
left join rm.main.dataset_files as files using (dataset_id)
where datasets.dropped_at is null and ($names::varchar[] is null or list_contains($names, datasets.name))
group by datasets.name, datasets.license, datasets.source
order by datasets.name
