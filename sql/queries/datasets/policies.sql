select policy, origin, count(*) as n_generations, count(distinct response_id) as n_responses
from rm.main.generations
join rm.main.datasets as datasets using (dataset_id)
where name = $name and dropped_at is null
group by policy, origin
order by policy nulls first, origin
