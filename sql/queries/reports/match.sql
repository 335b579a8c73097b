-- Rows of two tables with the same keys, by their place in each; NULL keys are equal. What one side lacks is NULL there.
select min(place) filter (is_left) as place_left, min(place) filter (not is_left) as place_right
from (
    select {keys}place, true as is_left from rows_left
    union all
    select {keys}place, false from rows_right
)
group by {grouped}
order by place_left nulls last, place_right
