-- Heads that a report trains for itself and nobody stores. _rm_trials is Python (rmstore/trial_heads.py).

-- What a trial does with a vote of split 'train' (it learns from it) or 'valid' (it chooses on it): a mark. A vote that
-- is turned round is for the other side; any other split is left out.
create or replace macro _rm_trial_mark(split, is_turned) as
    case split when 'train' then 1 + is_turned::integer when 'valid' then 3 + is_turned::integer else 0 end::utinyint;

-- One row per trial and judged response: the reward, and the temperature that divides differences of rewards. Trial i is
-- the head that rm_train fits, with seeds[i], on the votes whose marks[i] is not 0; a trial without votes has no rows.
-- votes is a list of {chosen_id, rejected_id, prob, weight, marks}, judged a list of response ids, seeds a list.
create or replace macro _rm_trial_rewards(snapshot, votes, judged, seeds, head, objective, options) as table
    with given as materialized (
        select votes as votes, judged as judged
    ),
    fitted as materialized (
        select _rm_trials(snapshot, given.votes, given.judged, seeds, head, objective, options) as trials,
               given.judged
        from given
    ),
    trials as (
        select unnest(trials) as trial, judged from fitted
    )
    select trial.trial as trial, trial.temperature as temperature, unnest(judged) as response_id,
           unnest(trial.rewards) as reward
    from trials;

-- Decided votes (prob above 0.5) of a snapshot for training and judging, whatever a condition or folds leave out of
-- rm_pairs. split is that of the side that is held out most (test beats valid beats train), so that a vote between
-- prompts never ties training to test. dataset NULL takes every data set.
create or replace macro _rm_trial_votes(snapshot, dataset) as table
    select votes.preference_id, votes.group_id, votes.chosen_id, votes.rejected_id, votes.prob, votes.weight,
           case
               when 'test' in (votes.split, others.split) then 'test'
               when 'valid' in (votes.split, others.split) then 'valid'
               else 'train'
           end as split,
           0.5e0 + 0.5e0 * sign(votes.chosen_chars - votes.rejected_chars) as longest
    from _rm_all_pairs(snapshot) as votes
    join (
        select responses.response_id, coalesce(published.split, _rm_hash_split(prompts.group_id)) as split
        from rm.main.responses as responses
        join rm.main.prompts as prompts using (prompt_id)
        left join _rm_published_splits() as published using (group_id)
    ) as others on others.response_id = votes.rejected_id
    where votes.prob > 0.5e0 and (dataset is null or votes.dataset = dataset);
