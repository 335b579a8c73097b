delete from _rm_outline
where text_id in (select text_id from rm.main.{vectors} where encoder_id = $encoder_id);
