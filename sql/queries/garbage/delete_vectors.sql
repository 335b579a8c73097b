-- Vectors of texts from $first to $last that no rendering points at now.
delete from rm.main.{vectors}
where encoder_id = $encoder_id and text_id between $first and $last
  and text_id not in (
      select text_id from rm.main.renderings where encoder_id = $encoder_id and text_id between $first and $last)
