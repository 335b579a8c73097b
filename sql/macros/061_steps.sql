-- Reasoning steps and what a step head says of them. A step has the vector of the prompt with the response up to and
-- including it; rmstore embed --steps makes these vectors.

-- label is what the source says; without a source, what all sources of the step agree on, NULL where they do not or none
-- says anything. labels has every source. Steps after a first mistake mostly have none.
create or replace macro rm_steps(snapshot, source := null) as table from query(_rm_steps_sql(snapshot, source));
comment on macro table rm_steps is
    'a row per reasoning step of a snapshot: ids, dataset, split, step, n_steps, text, label, labels by source, embedding';

create or replace macro rm_step_rewards(head, snapshot, source := null) as table
    from query(_rm_step_rewards_sql(head, snapshot, source));
comment on macro table rm_step_rewards is
    'the columns of rm_steps but the embedding, with reward, prob (rm_step_prob), seen_in_training';

create or replace macro rm_step_prob(head, input) as _rm_step_prob(_rm_head_id(head), input);
comment on macro rm_step_prob is
    'chance that a step is right, by a head of rm_train_steps: sigmoid of the score over the head''s temperature';
