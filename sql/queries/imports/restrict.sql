-- Only responses of the data sets that were asked for.
delete from _rm_members where response_id not in (
    select generations.response_id
    from rm.main.generations as generations
    join rm.main.datasets as datasets using (dataset_id)
    where list_contains($datasets, datasets.name)
);
