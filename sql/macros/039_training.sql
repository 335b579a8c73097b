-- Training reward heads, on pairs, rankings, ratings and steps. _rm_train is Python.

-- Used like an aggregate, also under GROUP BY: one head per group, whose name the caller builds.
create or replace macro rm_train(
    name, chosen, rejected, head := 'linear', objective := 'bt', snapshot := null, prompt := null, weight := null,
    margin := null, prob := null, split := null, similarity := null, chosen_logp := null, rejected_logp := null,
    members := 1, merge := null, seed := 0, options := null
) as _rm_train(
    name,
    list({'chosen': chosen, 'rejected': rejected, 'prompt': prompt, 'weight': weight, 'margin': margin,
          'prob': prob, 'split': split, 'similarity': similarity, 'chosen_logp': chosen_logp,
          'rejected_logp': rejected_logp}),
    head, objective, snapshot, members, merge, seed, options::json::varchar, 'pairs', current_query());
comment on macro rm_train is
    'trains a head on the rows of its group, like an aggregate; gives version, counts, accuracy and NLL by split';

-- ranked is a list of inputs or ids, best first; each item is chosen over all that follow it.
create or replace macro rm_train_rankings(
    name, ranked, head := 'linear', objective := 'plackett_luce', snapshot := null, prompt := null, weight := null,
    split := null, members := 1, merge := null, seed := 0, options := null
) as _rm_train(
    name, list({'ranked': ranked, 'prompt': prompt, 'weight': weight, 'split': split}),
    head, objective, snapshot, members, merge, seed, options::json::varchar, 'rankings', current_query());
comment on macro rm_train_rankings is
    'trains a head on ranked lists, best first, by the Plackett-Luce likelihood; used like rm_train';

-- A missing value is skipped. Several attributes in one head need head := 'multi'.
create or replace macro rm_train_ratings(
    name, item, value, attribute := null, head := 'linear', objective := 'squared', snapshot := null, prompt := null,
    weight := null, split := null, members := 1, merge := null, seed := 0, options := null
) as _rm_train(
    name,
    list({'item': item, 'value': value, 'attribute': attribute, 'prompt': prompt, 'weight': weight, 'split': split}),
    head, objective, snapshot, members, merge, seed, options::json::varchar, 'ratings', current_query());
comment on macro rm_train_ratings is
    'trains a head that predicts the rating of an item, by attribute; gives squared error and R^2 by split';

-- label is 1 for a right step, 0 for a wrong one, or a share; the score is the log-odds of being right. item is a vector
-- of rm_steps, or a step_id with snapshot.
create or replace macro rm_train_steps(
    name, item, label, head := 'linear', objective := 'logistic', snapshot := null, prompt := null, weight := null,
    split := null, members := 1, merge := null, seed := 0, options := null
) as _rm_train(
    name, list({'item': item, 'value': label, 'attribute': null, 'prompt': prompt, 'weight': weight, 'split': split}),
    head, objective, snapshot, members, merge, seed, options::json::varchar, 'steps', current_query());
comment on macro rm_train_steps is
    'trains a head on labelled reasoning steps; its score is the log-odds of a step being right; gives accuracy and NLL';
