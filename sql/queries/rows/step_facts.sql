-- The steps of a snapshot's members: how many, how many lack a vector, and who labelled them.
with wanted as (
    select steps.step_id
    from rm.main.steps as steps
    semi join (
        select response_id from rm.main.snapshot_members where snapshot_id = $snapshot_id
    ) as members using (response_id)
),
missing as (
    select count(*) as n
    from wanted
    anti join (
        select item_id from rm.main.renderings where encoder_id = $encoder_id and part = 'step'
    ) as rendered on rendered.item_id = wanted.step_id
),
labelled as (
    select coalesce(list(distinct labels.source order by labels.source), []) as sources
    from rm.main.step_labels as labels
    semi join wanted using (step_id)
    where labels.dataset_id in (select dataset_id from rm.main.datasets where list_contains($datasets, name))
)
select (select count(*) from wanted) as n_steps, missing.n as n_missing, labelled.sources
from missing, labelled;
