select 'data set ' || coalesce(name, 'NULL') || ' is there twice, or has no name or format' as problem
from _rm_in_datasets
group by name
having count(*) > 1 or name is null or bool_or(format is null)
order by problem
limit 1
