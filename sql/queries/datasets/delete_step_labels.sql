delete from rm.main.step_labels where dataset_id = $dataset_id
