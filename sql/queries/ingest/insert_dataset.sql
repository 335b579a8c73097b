insert into rm.main.datasets
select coalesce(max(dataset_id), 0) + 1, $dataset, $license, $source, $format, $now, null from rm.main.datasets
