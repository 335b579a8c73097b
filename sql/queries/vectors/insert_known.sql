-- Renderings of the batch whose text had a vector before.
insert into rm.main.renderings
select $encoder_id, texts.item_id, $part, texts.text_id, texts.n_tokens, texts.n_cut
from _rm_texts as texts
semi join (
    select text_id from rm.main.{vectors} where encoder_id = $encoder_id
) as present using (text_id)
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known using (item_id);
