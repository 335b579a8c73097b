delete from rm.main.{table} where (encoder_id, text_id) in (select encoder_id, text_id from _rm_dropped_texts)
