delete from rm.main.ratings where dataset_id = $dataset_id
