delete from rm.main.generations where dataset_id = $dataset_id
