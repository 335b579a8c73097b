delete from rm.main.renderings where item_id in (select item_id from _rm_dropped_items)
