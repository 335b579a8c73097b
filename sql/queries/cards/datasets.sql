-- The data sets behind a head's snapshot, dropped ones too, with the votes in groups that the head saw. What was
-- ingested again after a drop is a data set of its own under the same name; the votes are those of the one that is there.
with votes as (
    select dataset, count(*) as n_votes from _rm_head_votes($head_id) group by dataset
),
files as (
    select dataset_id, count(*) as n_files, max(ingested_at)::date::varchar as ingested from rm.main.dataset_files
    group by dataset_id
)
select datasets.name, datasets.license, datasets.source, datasets.format, files.n_files, files.ingested,
       coalesce(votes.n_votes, 0)::bigint as votes, coalesce(datasets.dropped_at::date::varchar, 'no') as dropped
from rm.main.snapshots as snapshots
join rm.main.datasets as datasets on list_contains(snapshots.datasets, datasets.name)
left join files using (dataset_id)
left join votes on votes.dataset = datasets.name and datasets.dropped_at is null
where snapshots.snapshot_id = $snapshot_id
order by datasets.name, datasets.dataset_id
