-- Data sets with their licences and files; $names null means every one that is not dropped.
select datasets.name, datasets.license, datasets.source,
       list({'path': files.path, 'sha256': files.sha256} order by files.file_id)
           filter (files.file_id is not null) as files,
       datasets.dropped_at::varchar as dropped_at
from rm.main.datasets as datasets
left join rm.main.dataset_files as files using (dataset_id)
where case when $names::varchar[] is null then datasets.dropped_at is null else list_contains($names, datasets.name) end
group by datasets.dataset_id, datasets.name, datasets.license, datasets.source, datasets.dropped_at
order by datasets.name, datasets.dataset_id
