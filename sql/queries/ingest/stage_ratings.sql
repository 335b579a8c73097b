-- One line per rating that is there, with its id. The same value twice is one rating, and is counted.
create temp table _rm_ratings as
with spread as (
    select response_id, row, position, unnest(ratings) as rating
    from _rm_items
    where len(ratings) > 0
)

select response_id, row, position, rating.attribute as attribute, nullif(rating.annotator, '') as annotator,
       rating.value as value,
       _rm_rating_id(response_id, $dataset, rating.attribute, nullif(rating.annotator, ''), rating.value) as rating_id
from spread
where rating.value is not null
