delete from rm.main.{table}
where encoder_id = $encoder_id and text_id in (select text_id::uuid from _rm_ids)
