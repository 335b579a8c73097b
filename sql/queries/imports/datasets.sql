-- Data sets of the matched responses, and how many of their responses have no vector in the file.
select datasets.name as dataset,
       count(distinct generations.response_id) filter (members.response_id is null) as n_missing,
       count(distinct generations.response_id) filter (members.response_id is not null) as n_matched
from rm.main.generations as generations
join rm.main.datasets as datasets using (dataset_id)
left join _rm_members as members using (response_id)
where datasets.dropped_at is null
group by datasets.name
having n_matched > 0
order by datasets.name;
