-- Ratings of the snapshot's responses in groups that the head saw, by attribute.
select ratings.attribute, count(*) as ratings, count(distinct ratings.response_id) as responses,
       count(distinct ratings.annotator) as annotators, avg(ratings.value) as mean, stddev_pop(ratings.value) as deviation
from rm.main.snapshots as snapshots
join rm.main.snapshot_members as members using (snapshot_id)
join rm.main.responses as responses using (response_id)
join rm.main.prompts as prompts using (prompt_id)
join rm.main.ratings as ratings on ratings.response_id = members.response_id
join rm.main.datasets as datasets
    on datasets.dataset_id = ratings.dataset_id and list_contains(snapshots.datasets, datasets.name)
where snapshots.snapshot_id = $snapshot_id
  and prompts.group_id in (select group_id from rm.main.head_training where head_id = $head_id)
group by ratings.attribute
order by ratings.attribute
