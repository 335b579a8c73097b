-- What sources say of the steps of a data set's responses.
select labels.source, count(*) as n_labels, count(distinct labels.step_id) as n_steps,
       count(distinct response_id) as n_responses, avg(label) as mean_label
from rm.main.step_labels as labels
join rm.main.datasets as datasets using (dataset_id)
join rm.main.steps as steps using (step_id)
where name = $name and dropped_at is null
group by labels.source
order by labels.source
