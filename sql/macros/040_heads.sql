-- Training and applying reward heads. The functions that begin with an underscore are Python.

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

create or replace macro rm_score(head, input) as _rm_score(_rm_head_id(head), input);
comment on macro rm_score is 'reward of an input: member mean minus the mean over the training items; NULL for NULL';

create or replace macro rm_score_members(head, input) as _rm_score_members(_rm_head_id(head), input);
comment on macro rm_score_members is 'rewards of the members, each standardised on the training items';

create or replace macro rm_win_prob(head, a, b) as _rm_win_prob(_rm_head_id(head), a, b);
comment on macro rm_win_prob is
    'chance that a is preferred to b: sigmoid of the score difference over the head''s temperature';

create or replace macro rm_rewards(head, snapshot) as table from query(_rm_rewards_sql(head, snapshot));
comment on macro table rm_rewards is 'the columns of rm_rows but the embedding, with reward, members, seen_in_training';

-- Side features that the rows of a snapshot give by name.
create or replace macro _rm_feature(name, n_chars) as
    case name
        when 'log_len' then ln(greatest(n_chars, 1))::double
        when 'n_chars' then n_chars::double
    end;

create or replace macro rm_heads() as table
    with metrics as (
        select head_id,
               max(value) filter (where split = 'train' and metric = 'accuracy') as train_accuracy,
               max(value) filter (where split = 'valid' and metric = 'accuracy') as valid_accuracy,
               max(value) filter (where split = 'valid' and metric = 'nll') as valid_nll,
               max(value) filter (where split = 'test' and metric = 'accuracy') as test_accuracy
        from rm.main.head_metrics
        group by head_id
    )
    select heads.name, heads.version, heads.kind, heads.objective, heads.members, heads."merge",
           snapshots.name || '@' || snapshots.version as snapshot, heads.n_used, heads.n_skipped,
           metrics.train_accuracy, metrics.valid_accuracy, metrics.valid_nll, metrics.test_accuracy,
           tags.version is not null as is_deployed, heads.created_at
    from rm.main.heads as heads
    left join metrics using (head_id)
    left join rm.main.snapshots as snapshots using (snapshot_id)
    left join rm.main.head_tags as tags
        on tags.name = heads.name and tags.version = heads.version and tags.tag = 'deployed'
    where heads.dropped_at is null
    order by heads.name, heads.version;
comment on macro table rm_heads is
    'the heads: kind, objective, members, snapshot, pairs used, accuracy by split, which is deployed';
