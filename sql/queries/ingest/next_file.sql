select coalesce(max(file_id), 0) + 1 as file_id from rm.main.dataset_files
