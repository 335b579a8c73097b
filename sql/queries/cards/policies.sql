-- Who wrote the responses of the snapshot.
select generations.policy, generations.origin, count(distinct generations.response_id) as responses
from rm.main.snapshots as snapshots
join rm.main.snapshot_members as members using (snapshot_id)
join rm.main.generations as generations using (response_id)
join rm.main.datasets as datasets
    on datasets.dataset_id = generations.dataset_id and list_contains(snapshots.datasets, datasets.name)
where snapshots.snapshot_id = $snapshot_id
group by generations.policy, generations.origin
order by generations.policy nulls last, generations.origin
