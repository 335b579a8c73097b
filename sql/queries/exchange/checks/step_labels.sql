with wrong as (
    select step_id, 'is there twice' as reason
    from _rm_in_step_labels
    group by step_id, dataset, source, label
    having count(*) > 1
    union all
    select step_id, 'is not from 0 to 1, or has no source'
    from _rm_in_step_labels
    where (label between 0 and 1 and source is not null) is not true
    union all
    select step_id, 'names a step that is not there' from _rm_in_step_labels anti join _rm_in_steps using (step_id)
    union all
    select step_id, 'names a data set that is not there'
    from _rm_in_step_labels
    anti join _rm_in_datasets as datasets on datasets.name = _rm_in_step_labels.dataset
)
select 'label of step ' || coalesce(step_id::varchar, 'NULL') || ' ' || reason as problem
from wrong
order by problem
limit 1
