-- The responses of the match, each once; of the named data sets alone, where some are named.
create or replace temp table _rm_members as
select distinct found.response_id
from _rm_found as found
where $datasets is null or found.response_id in (
    select generations.response_id
    from rm.main.generations as generations
    join rm.main.datasets as datasets using (dataset_id)
    where list_contains($datasets, datasets.name)
);
