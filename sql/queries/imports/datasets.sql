-- Data sets of the matched responses, and how many of their responses have no vector in the file.
with homes as (
    select distinct dataset_id, response_id from rm.main.generations
)
select datasets.name as dataset,
       count(*) filter (members.response_id is null) as n_missing,
       count(*) filter (members.response_id is not null) as n_matched
from homes
join rm.main.datasets as datasets using (dataset_id)
left join _rm_members as members using (response_id)
where datasets.dropped_at is null
group by datasets.name
having n_matched > 0
order by datasets.name;
