update rm.main.datasets set license = $license where dataset_id = $dataset_id
