-- What a step head says of solutions: one row per (solution, data set and subset), with the probabilities p of its steps in
-- order, and labelled, the number of its first wrong step: -1 for none, NULL where labels end before anything is wrong.
-- guess is the baseline `prior` of reports: the share of the training split's solutions of the data set, without those of
-- its own group, that have their first error where this one has. is_seen: the head saw its group, NULL where unknown.
create or replace macro _rm_step_solutions(head, snapshot, source) as table
    with solutions as (
        select group_id, response_id, dataset, subset, split, bool_or(seen_in_training) as is_seen,
               list(prob order by step) as p,
               case when count_if(label <= 0) > 0 or count(label) = count(*)
                   then coalesce(min(step) filter (label <= 0), -1) end as labelled
        from rm_step_rewards(head, snapshot, source := source)
        group by group_id, response_id, dataset, subset, split
    )
    select *, split = 'train' and labelled is not null as is_prior,
           (count_if(is_prior) over (partition by dataset, labelled)
               - count_if(is_prior) over (partition by dataset, labelled, group_id))::double
           / nullif(count_if(is_prior) over (partition by dataset)
               - count_if(is_prior) over (partition by dataset, group_id), 0) as guess
    from solutions;
