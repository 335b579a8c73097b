-- Solutions, and what a step head says of them.

-- The number of the first wrong step, -1 for none, NULL where labels end before anything is wrong; an aggregate.
create or replace macro _rm_labelled_error(step, label) as
    case when count_if(label <= 0) > 0 or count(label) = count(*)
        then coalesce(min(step) filter (label <= 0), -1) end;

-- One row per (solution, data set and subset), with the probabilities p of its steps in order, and labelled, the number
-- of its first wrong step. is_seen: the head saw its group, NULL where unknown.
create or replace macro _rm_step_solutions(head, snapshot, source) as table
    select steps.group_id, steps.prompt_id, steps.response_id, steps.dataset, steps.subset, steps.split,
           bool_or(steps.seen_in_training) as is_seen, list(steps.prob order by steps.step) as p,
           _rm_labelled_error(steps.step, steps.label) as labelled
    from rm_step_rewards(head, snapshot, source := source) as steps
    group by steps.group_id, steps.prompt_id, steps.response_id, steps.dataset, steps.subset, steps.split;

-- The same with guess, the baseline `prior` of reports: the share of the training split's solutions of the data set,
-- without those of its own group, that have their first error where this one has; whatever a condition leaves out.
create or replace macro _rm_guessed_solutions(head, snapshot, source) as table
    with known as (
        select steps.group_id, steps.dataset, _rm_labelled_error(steps.step, steps.label) as labelled
        from _rm_all_steps(snapshot, source := source) as steps
        where steps.split = 'train'
        group by steps.group_id, steps.response_id, steps.dataset, steps.subset
        having labelled is not null
    ),
    entries as (
        select solutions.*, false as is_prior from _rm_step_solutions(head, snapshot, source) as solutions
        union all by name
        select known.*, true as is_prior from known
    )
    select entries.* exclude (is_prior),
           (count_if(is_prior) over (partition by entries.dataset, labelled)
               - count_if(is_prior) over (partition by entries.dataset, labelled, group_id))::double
           / nullif(count_if(is_prior) over (partition by entries.dataset)
               - count_if(is_prior) over (partition by entries.dataset, group_id), 0) as guess
    from entries
    qualify not is_prior;
