-- The same by data set; a response of two data sets counts in both.
with members as (
    select response_id, bool_or(snapshot_id = $old) as in_old, bool_or(snapshot_id = $new) as in_new
    from rm.main.snapshot_members
    where snapshot_id in ($old, $new)
    group by response_id
),
homes as (
    select distinct generations.response_id, datasets.name as dataset
    from rm.main.generations as generations
    join rm.main.datasets as datasets using (dataset_id)
    where list_contains($datasets, datasets.name)
)
select homes.dataset,
       count(*) filter (members.in_new and not members.in_old) as n_added,
       count(*) filter (members.in_old and not members.in_new) as n_removed,
       count(*) filter (members.in_old and members.in_new) as n_common
from members
join homes using (response_id)
group by homes.dataset
order by homes.dataset;
