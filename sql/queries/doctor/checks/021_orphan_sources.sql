-- check: every row names a data set, file, encoder or snapshot that exists
-- hint:  restore the store from a copy
with orphans as (
    select 'data set of file ' || file_id as example
    from rm.main.dataset_files anti join rm.main.datasets using (dataset_id)
    union all
    select 'file of prompt ' || prompt_id
    from rm.main.prompt_sources anti join rm.main.dataset_files using (file_id)
    union all
    select 'data set of generation ' || generation_id
    from rm.main.generations anti join rm.main.datasets using (dataset_id)
    union all
    select 'file of preference ' || preference_id
    from rm.main.preferences anti join rm.main.dataset_files using (file_id)
    union all
    select 'data set of rating ' || rating_id
    from rm.main.ratings anti join rm.main.datasets using (dataset_id)
    union all
    select 'data set of step label ' || step_id
    from rm.main.step_labels anti join rm.main.datasets using (dataset_id)
    union all
    select 'encoder of snapshot ' || name || '@' || version
    from rm.main.snapshots anti join rm.main.encoders using (encoder_id)
    union all
    select 'snapshot of head ' || name || '@' || version
    from rm.main.heads anti join rm.main.snapshots using (snapshot_id)
    where snapshot_id is not null
    union all
    select 'encoder ' || encoder_id || ' of rendering ' || item_id
    from rm.main.renderings anti join rm.main.encoders using (encoder_id)
)
select example, 1 as n from orphans order by example
