insert into rm.main.step_labels
select fresh.step_id, homes.dataset_id, fresh.source, fresh.label
from _rm_in_step_labels as fresh
join _rm_homes as homes using (dataset)
semi join (select step_id from rm.main.steps) as there using (step_id)
where not exists (
    from rm.main.step_labels as known
    where known.step_id = fresh.step_id and known.dataset_id = homes.dataset_id and known.source = fresh.source
      and known.label = fresh.label)
order by fresh.step_id, fresh.source, fresh.label
