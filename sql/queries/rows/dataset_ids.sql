select dataset_id from rm.main.datasets where list_contains($names, name) order by dataset_id;
