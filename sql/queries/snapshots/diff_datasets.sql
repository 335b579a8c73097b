-- The same by data set, among those that each snapshot shows; a response of two data sets counts in both.
with changes as (
{changes}
),
shown as (
    select dataset_id, name as dataset,
           list_contains($old_datasets, name) as in_old, list_contains($new_datasets, name) as in_new
    from rm.main.datasets
    where list_contains($old_datasets, name) or list_contains($new_datasets, name)
),
homes as (
    select distinct generations.response_id, generations.dataset_id
    from rm.main.generations as generations
    semi join shown using (dataset_id)
),
seen as (
    select shown.dataset,
           case when shown.in_old and changes.change <> 'added' then
                    case when shown.in_new or changes.change = 'removed' then changes.change else 'removed' end
                when shown.in_new and changes.change <> 'removed' then 'added' end as change
    from changes
    join homes using (response_id)
    join shown using (dataset_id)
)
select dataset,
       count(*) filter (change = 'added') as n_added,
       count(*) filter (change = 'removed') as n_removed,
       count(*) filter (change = 'kept') as n_kept,
       count(*) filter (change = 'rerendered') as n_rerendered,
       count(*) filter (change = 'reencoded') as n_reencoded
from seen
where change is not null
group by dataset
order by dataset;
