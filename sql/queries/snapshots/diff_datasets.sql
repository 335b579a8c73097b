-- The same by data set, among those that each snapshot shows; a response of two data sets counts in both.
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
),
shown as (
    select homes.dataset,
           members.in_old and list_contains($old_datasets, homes.dataset) as in_old,
           members.in_new and list_contains($new_datasets, homes.dataset) as in_new
    from members
    join homes using (response_id)
)
select dataset,
       count(*) filter (in_new and not in_old) as n_added,
       count(*) filter (in_old and not in_new) as n_removed,
       count(*) filter (in_old and in_new) as n_common
from shown
where in_old or in_new
group by dataset
order by dataset;
