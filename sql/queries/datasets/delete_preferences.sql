delete from rm.main.preferences where dataset_id = $dataset_id
