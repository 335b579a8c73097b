-- Data sets of arrays with those of the chosen responses that are placeholders: their texts name a place in a file.
with arrays as (
    select datasets.dataset_id, datasets.name
    from rm.main.datasets as datasets
    left join rm.main.dataset_files as files using (dataset_id)
    where coalesce(files.format, datasets.format) = 'npy'
    group by all
)
select arrays.name, count(distinct generations.response_id) as n
from rm.main.generations as generations
join arrays using (dataset_id)
semi join _rm_members as members using (response_id)
join rm.main.responses as responses using (response_id)
where regexp_full_match(responses.text, 'response \d+ to prompt \d+ of [0-9a-f]{12}')
group by arrays.name
order by arrays.name
