update rm.main.datasets set dropped_at = $now where dataset_id = $dataset_id
