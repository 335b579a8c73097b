-- Where the prompts of the members were seen in the data sets of the snapshot. A published split moves a whole group,
-- also where it was published elsewhere: then one source that says so goes along, so that every group keeps its split.
create or replace temp table _rm_sources as
with asked as (
    select distinct prompt_id from _rm_members
),
asked_groups as (
    select distinct prompts.group_id from rm.main.prompts as prompts semi join asked using (prompt_id)
),
own as (
    select sources.*, prompts.group_id
    from rm.main.prompt_sources as sources
    join rm.main.prompts as prompts using (prompt_id)
    semi join asked using (prompt_id)
    where list_contains($dataset_ids::integer[], sources.dataset_id)
),
own_splits as (
    select group_id, ['train', 'valid', 'test'][max(list_position(['train', 'valid', 'test'], split))] as split
    from own
    group by group_id
),
moved as (
    select splits.group_id, splits.split
    from _rm_published_splits() as splits
    semi join asked_groups using (group_id)
    left join own_splits using (group_id)
    where splits.split is distinct from own_splits.split
),
movers as (
    select sources.*, prompts.group_id
    from rm.main.prompt_sources as sources
    join rm.main.prompts as prompts using (prompt_id)
    join moved on moved.group_id = prompts.group_id and moved.split = sources.split
    join rm.main.datasets as datasets using (dataset_id)
    join rm.main.dataset_files as files using (file_id)
    qualify row_number() over (
        partition by prompts.group_id order by datasets.name, files.sha256, sources."row", sources.prompt_id) = 1
)
select * from own union all select * from movers;
