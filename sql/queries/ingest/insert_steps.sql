insert into rm.main.steps
select step_id, response_id, step, text
from _rm_steps as steps
where rowid in (select min(rowid) from _rm_steps where is_kept group by step_id)
  and not exists (from rm.main.steps as known where known.step_id = steps.step_id)
order by response_id, step
