-- The items of _rm_todo with the id of the text that stands for each, if nothing is cut.
insert into _rm_outline
select $part, item_id,
       _rm_text_id(concat_ws(chr(10) || chr(10), *columns(* exclude (item_id, size)))), size
from (
{items}
);
