-- A source may say several things of a step; the same thing is stored once per data set.
insert into rm.main.step_labels
select distinct step_id, $dataset_id, source, label
from _rm_steps as steps
where is_kept and label is not null
  and not exists (
      from rm.main.step_labels as known
      where known.step_id = steps.step_id and known.dataset_id = $dataset_id and known.source = steps.source
        and known.label = steps.label)
order by step_id, source, label
