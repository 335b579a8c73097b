-- Prompts of the snapshot by data set and subset; a prompt of several counts in each.
select datasets.name as dataset, sources.subset, count(distinct prompts.prompt_id) as prompts,
       count(distinct prompts.group_id) as groups,
       count(distinct prompts.group_id) filter (trained.group_id is not null) as groups_seen
from rm.main.snapshots as snapshots
join rm.main.snapshot_members as members using (snapshot_id)
join rm.main.responses as responses using (response_id)
join rm.main.prompts as prompts using (prompt_id)
join rm.main.prompt_sources as sources on sources.prompt_id = prompts.prompt_id
join rm.main.datasets as datasets
    on datasets.dataset_id = sources.dataset_id and list_contains(snapshots.datasets, datasets.name)
left join (select group_id from rm.main.head_training where head_id = $head_id) as trained
    on trained.group_id = prompts.group_id
where snapshots.snapshot_id = $snapshot_id
group by datasets.name, sources.subset
order by datasets.name, sources.subset nulls last
