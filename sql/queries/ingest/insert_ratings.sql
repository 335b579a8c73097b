insert into rm.main.ratings
select rating_id, response_id, $dataset_id, attribute, annotator, value
from _rm_ratings as ratings
where not exists (from rm.main.ratings as known where known.rating_id = ratings.rating_id)
qualify row_number() over (partition by rating_id order by row, position) = 1
order by row, position, attribute
