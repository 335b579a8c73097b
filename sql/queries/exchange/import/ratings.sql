insert into rm.main.ratings
select fresh.rating_id, fresh.response_id, homes.dataset_id, fresh.attribute, fresh.annotator, fresh.value
from _rm_in_ratings as fresh
join _rm_homes as homes using (dataset)
anti join (select rating_id from rm.main.ratings) as known using (rating_id)
order by fresh.rating_id
