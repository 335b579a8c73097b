insert into rm.main.prompts
select prompt_id, group_id, messages
from _rm_items as items
where rowid in (select min(rowid) from _rm_items group by prompt_id)
  and not exists (from rm.main.prompts as known where known.prompt_id = items.prompt_id)
