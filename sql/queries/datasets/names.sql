select dataset_id, name from rm.main.datasets where dropped_at is null order by name
