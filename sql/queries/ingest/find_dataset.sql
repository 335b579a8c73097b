select dataset_id, license from rm.main.datasets where name = $dataset and dropped_at is null
