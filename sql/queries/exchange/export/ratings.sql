select ratings.rating_id::varchar as rating_id, ratings.response_id::varchar as response_id, datasets.name as dataset,
       ratings.attribute, ratings.annotator, ratings.value
from rm.main.ratings as ratings
join rm.main.datasets as datasets using (dataset_id)
semi join _rm_members using (response_id)
where list_contains($dataset_ids::integer[], datasets.dataset_id)
order by ratings.rating_id
