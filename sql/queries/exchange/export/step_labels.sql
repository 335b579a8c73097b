select labels.step_id::varchar as step_id, datasets.name as dataset, labels.source, labels.label
from rm.main.step_labels as labels
join rm.main.datasets as datasets using (dataset_id)
join rm.main.steps as steps using (step_id)
semi join _rm_members on _rm_members.response_id = steps.response_id
where list_contains($dataset_ids::integer[], datasets.dataset_id)
order by labels.step_id, datasets.name, labels.source, labels.label
