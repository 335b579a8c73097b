-- Texts of the batch that have no vector yet, each once, shortest first so that equals share a forward pass.
select texts.text_id, any_value(texts.text) as text, any_value(texts.n_tokens) as n_tokens,
       sum(texts.size)::bigint as size
from _rm_texts as texts
anti join (
    select text_id from rm.main.{vectors} where encoder_id = $encoder_id
) as known using (text_id)
group by texts.text_id
order by any_value(texts.n_tokens), texts.text_id;
