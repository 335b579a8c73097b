delete from rm.main.prompt_sources where dataset_id = $dataset_id
