select attribute, ratings.annotator, count(*) as n_ratings, min(value) as lowest, max(value) as highest
from rm.main.ratings as ratings
join rm.main.datasets as datasets using (dataset_id)
where name = $name and dropped_at is null
group by attribute, ratings.annotator
order by attribute, ratings.annotator nulls first
