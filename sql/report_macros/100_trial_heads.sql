-- Heads that a report trains for itself and nobody stores. _rm_trials is Python (rmstore/trial_heads.py).

-- What a trial does with a vote of split 'train' (it learns from it) or 'valid' (it chooses on it): a mark. A vote that
-- is turned round is for the other side; any other split is left out.
create or replace macro _rm_trial_mark(split, is_turned) as
    case split when 'train' then 1 + is_turned::integer when 'valid' then 3 + is_turned::integer else 0 end::utinyint;

-- One row per trial and judged response: the reward, and the temperature that divides differences. Trial i is the head that
-- rm_train fits, with seeds[i], on the votes whose marks[i] is not 0; a trial without votes has no rows.
-- votes is a list of {chosen_id, rejected_id, prob, weight, marks}, judged a list of response ids, seeds a list. The
-- responses come back with their rewards: the engine may compute judged twice, in two orders.
create or replace macro _rm_trial_rewards(snapshot, votes, judged, seeds, head, objective, options) as table
    with fitted as materialized (
        select _rm_trials(snapshot, votes, judged, seeds, head, objective, options) as found
    ),
    trials as (
        select unnest(found.trials) as trial, found.responses as responses from fitted
    )
    select trial.trial as trial, trial.temperature as temperature, unnest(responses)::uuid as response_id,
           unnest(trial.rewards) as reward
    from trials;
