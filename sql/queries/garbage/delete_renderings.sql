-- Renderings of items from $first to $last that nothing kept needs now.
delete from rm.main.renderings
where encoder_id = $encoder_id and item_id between $first and $last
  and (item_id, part) not in (select item_id, part from _rm_needed_items($encoder_id, $first, $last))
