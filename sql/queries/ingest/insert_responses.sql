insert into rm.main.responses
select response_id, prompt_id, text
from _rm_items as items
where rowid in (select min(rowid) from _rm_items group by response_id)
  and not exists (from rm.main.responses as known where known.response_id = items.response_id)
