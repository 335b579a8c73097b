with wrong as (
    select generation_id, 'is there twice' as reason from _rm_in_generations group by generation_id having count(*) > 1
    union all
    select generation_id, 'does not have the id of its content'
    from _rm_in_generations
    where origin is null
       or generation_id is distinct from _rm_generation_id(response_id, dataset, subset, policy, variant, origin)
    union all
    select generation_id, 'names a response that is not there'
    from _rm_in_generations anti join _rm_in_responses using (response_id)
    union all
    select generation_id, 'names a data set that the snapshot does not show'
    from _rm_in_generations
    where list_contains($datasets, dataset) is not true or dataset not in (select name from _rm_in_datasets)
)
select 'generation ' || coalesce(generation_id::varchar, 'NULL') || ' ' || reason as problem
from wrong
order by problem
limit 1
