-- How far the vector of each response of both snapshots moved; null where one has length 0, which has no direction.
-- Written out since array_cosine_similarity gives NaN or 0 for such a vector, by version of the engine.
select response_id,
       case when old_square > 0 and new_square > 0
            then least(1e0, greatest(-1e0, product / sqrt(old_square * new_square))) end as cosine
from (
    select response_id,
           array_inner_product("old", "new")::double as product,
           array_inner_product("old", "old")::double as old_square,
           array_inner_product("new", "new")::double as new_square
    from (
{pairs}
    )
)
