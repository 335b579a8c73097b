insert into rm.main.prompt_sources
select prompt_id, $dataset_id, $file_id, row, subset, split, metadata
from _rm_items
where rowid in (select min(rowid) from _rm_items group by row, prompt_id)
