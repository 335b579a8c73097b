-- Where a source sees the first wrong step of every solution that it labelled: the number of the first step whose label is
-- at most the threshold (the mean, where it has several), -1 where every step has a label and none is, NULL where labels end
-- before anything is wrong.
create or replace macro _rm_first_errors(dataset, source, threshold) as table
    with said as (
        select labels.step_id, _rm_steady_mean(labels.label) as label
        from rm.main.step_labels as labels
        join rm.main.datasets as datasets using (dataset_id)
        where datasets.name = dataset and labels.source = source
        group by labels.step_id
    ),
    labelled as (
        select steps.response_id, count(*) as n_labelled, min(steps.step) filter (said.label <= threshold) as wrong
        from said
        join rm.main.steps as steps using (step_id)
        group by steps.response_id
    ),
    lengths as (
        select response_id, count(*) as n_steps from rm.main.steps group by response_id
    )
    select labelled.response_id, lengths.n_steps,
           case when labelled.wrong is not null or labelled.n_labelled = lengths.n_steps
               then coalesce(labelled.wrong, -1) end as first_error
    from labelled
    join lengths using (response_id);
