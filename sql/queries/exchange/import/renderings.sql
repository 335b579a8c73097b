-- Which text stands for an item of the slice; a step that the store cut otherwise is not there.
insert into rm.main.renderings
select $encoder_id, slice.item_id, $part, slice.text_id, slice.n_tokens, slice.n_cut
from (select * from {view} where item >= $first and item < $next) as slice
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known using (item_id)
where $part <> 'step' or slice.item_id in (select step_id from rm.main.steps)
order by slice.item
