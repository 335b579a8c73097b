-- Baselines beside an accuracy. A guess is 1 where the baseline chooses the chosen side, 0 where the other, 0.5 where
-- it sees no difference, NULL where it knows nothing of the vote; then the vote counts half, so that every baseline is
-- over the same votes as the head.

-- Guesses of those that learn, for a list of votes by preference_id as text: response_only is a linear Bradley-Terry
-- head on vectors of the response alone, where the store has them for every side; neighbour compares the mean win
-- share of the ten nearest training responses by cosine (rmstore/baselines.py). A vote of the training split is judged
-- by what learned from the other four of five folds of groups.
create or replace macro _rm_learned_baselines(snapshot, votes) as table
    select guess.preference_id::uuid as preference_id, guess.response_only, guess.neighbour
    from (select unnest(_rm_learned_guesses(snapshot, votes)) as guess);

-- Of a group of votes: the sum of a number over those that count, and what a baseline guesses of them.
create or replace macro _rm_total(value, is_counted) as coalesce(sum(value) filter (is_counted), 0e0);

create or replace macro _rm_guessed(guess, is_counted) as {
    'total': _rm_total(coalesce(guess, 0.5e0), is_counted),
    'known': count(guess) filter (is_counted)
};

-- One baseline of a cell, an aggregate over its groups: n votes, hits of the head, and guessed as above; NULL where it
-- knows nothing of any vote. The head's difference from it is paired: over the totals of hit minus guess, clustered by
-- group.
create or replace macro _rm_baseline(name, n, hits, guessed) as
    case when sum(guessed.known) > 0 then {
        'name': name,
        'accuracy': _rm_mean(n, guessed.total),
        'difference': _rm_mean(n, hits - guessed.total),
        'variance': _rm_mean_variance(n, hits - guessed.total)
    } end;

create or replace macro _rm_baselines(n, hits, longest, shortest, policy, response_only, neighbour) as [
    _rm_baseline('random', n, hits, {'total': n / 2e0, 'known': n}),
    _rm_baseline('longest', n, hits, longest),
    _rm_baseline('shortest', n, hits, shortest),
    _rm_baseline('policy', n, hits, policy),
    _rm_baseline('response_only', n, hits, response_only),
    _rm_baseline('neighbour', n, hits, neighbour)];

-- The best of a list of them, the first of those that are level.
create or replace macro _rm_best_baseline(baselines) as
    list_filter(baselines, lambda one:
        one.accuracy >= list_max(list_transform(baselines, lambda other: other.accuracy)) - 1e-12)[1];
