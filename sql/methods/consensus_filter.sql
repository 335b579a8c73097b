-- Consensus filter of process labels: Lessons of PRMs, arXiv 2501.07301.
--
-- The labelled steps of the solutions for which two sources name the same first wrong step, or both name none. A label is
-- hard: 0 for the first wrong step, 1 for those before it; the steps after it are dropped. A step is wrong to a source
-- where its label is at most `threshold`; the paper found 0 best for the share of Monte-Carlo completions that reach the
-- right answer. What only one source labelled, or labelled too short to tell, is not there. Train on it with
--   select rm_train_steps('prm', rows.embedding, kept.label)
--   from rm_steps('traces') as rows join rm_consensus_filter('traces') as kept using (step_id)
create or replace macro rm_consensus_filter(dataset, first := 'mc', second := 'judge', threshold := 0) as table
    with kept as (
        select mine.response_id, mine.n_steps, mine.first_error
        from _rm_first_errors(dataset, first, threshold) as mine
        join _rm_first_errors(dataset, second, threshold) as theirs using (response_id)
        where mine.first_error = theirs.first_error
    )
    select kept.response_id, steps.step_id, steps.step, kept.n_steps, kept.first_error,
           if(steps.step = kept.first_error, 0e0, 1e0) as label
    from kept
    join rm.main.steps as steps using (response_id)
    where kept.first_error = -1 or steps.step <= kept.first_error
    order by kept.response_id, steps.step;
comment on macro table rm_consensus_filter is
    'steps with hard labels of the solutions where two label sources agree on the first wrong step, or on none';
