insert into rm.main.generations
select generation_id, response_id, $dataset_id, subset, policy, variant, logp, n_tokens, origin, null
from _rm_items as items
where rowid in (select min(rowid) from _rm_items group by generation_id)
  and not exists (from rm.main.generations as known where known.generation_id = items.generation_id)
