insert into rm.main.ratings
with ratings as (
    select response_id, row, position, unnest(ratings) as rating
    from _rm_items
    where len(ratings) > 0
),

named as (
    select response_id, row, position, rating.attribute as attribute, nullif(rating.annotator, '') as annotator,
           rating.value as value,
           _rm_rating_id(response_id, $dataset, rating.attribute, nullif(rating.annotator, ''), rating.value) as rating_id
    from ratings
    where rating.value is not null
)

select rating_id, response_id, $dataset_id, attribute, annotator, value
from named
where not exists (from rm.main.ratings as known where known.rating_id = named.rating_id)
qualify row_number() over (partition by rating_id order by row, position) = 1
order by row, position, attribute
