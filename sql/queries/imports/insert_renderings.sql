insert into rm.main.renderings select $encoder_id, response_id, $part, text_id, null, null from _rm_fresh;
