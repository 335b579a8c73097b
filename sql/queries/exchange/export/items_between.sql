select item_id::varchar as item_id, text_id::varchar as text_id, n_tokens, n_cut
from _rm_items
where place between $first and $last
order by place;
