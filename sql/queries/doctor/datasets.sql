-- Data sets that were not dropped, with what their files brought.
select datasets.name, datasets.format, datasets.license, count(files.file_id) as files,
       coalesce(sum(files.n_rows), 0)::bigint as "rows", coalesce(sum(files.n_rejected), 0)::bigint as rejected
from rm.main.datasets as datasets
left join rm.main.dataset_files as files using (dataset_id)
where datasets.dropped_at is null
group by all
order by datasets.name
