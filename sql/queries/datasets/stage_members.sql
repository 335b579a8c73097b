-- Members that snapshots lose: responses that go, and those that stay for a data set which the snapshot does not show.
create or replace temp table _rm_lost_members as
with own as (
    select response_id from rm.main.generations where dataset_id = $dataset_id
    union
    select response_id from _rm_dropped_responses
),
homes as (
    select distinct generations.response_id, datasets.name
    from rm.main.generations as generations
    join rm.main.datasets as datasets using (dataset_id)
    where generations.dataset_id <> $dataset_id and datasets.dropped_at is null
),
touched as (
    select members.snapshot_id, members.response_id, snapshots.datasets
    from rm.main.snapshot_members as members
    join rm.main.snapshots as snapshots using (snapshot_id)
    semi join own using (response_id)
),
shown as (
    select touched.snapshot_id, touched.response_id
    from touched
    join homes on homes.response_id = touched.response_id and list_contains(touched.datasets, homes.name)
)
select snapshot_id, response_id
from touched
where response_id in (select response_id from _rm_dropped_responses)
union
select snapshot_id, response_id
from touched
anti join shown using (snapshot_id, response_id)
where list_contains(datasets, $name)
