-- Renderings of the batch whose vector is there.
insert into rm.main.renderings
select $encoder_id, texts.item_id, $part, texts.text_id, texts.n_tokens, texts.n_cut
from _rm_texts as texts
semi join _rm_fresh as fresh using (text_id)
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known using (item_id);
