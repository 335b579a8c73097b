-- Applying reward heads. The functions that begin with an underscore are Python.

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
               max(value) filter (where split = 'test' and metric = 'accuracy') as test_accuracy,
               max(value) filter (where split = 'valid' and metric = 'r2') as valid_r2,
               max(value) filter (where split = 'test' and metric = 'r2') as test_r2
        from rm.main.head_metrics
        group by head_id
    )
    select heads.name, heads.version, heads.kind, heads.objective, heads.members, heads."merge",
           snapshots.name || '@' || snapshots.version as snapshot, heads.n_used, heads.n_skipped,
           metrics.train_accuracy, metrics.valid_accuracy, metrics.valid_nll, metrics.test_accuracy,
           metrics.valid_r2, metrics.test_r2,
           tags.version is not null as is_deployed, heads.created_at
    from rm.main.heads as heads
    left join metrics using (head_id)
    left join rm.main.snapshots as snapshots using (snapshot_id)
    left join rm.main.head_tags as tags
        on tags.name = heads.name and tags.version = heads.version and tags.tag = 'deployed'
    where heads.dropped_at is null
    order by heads.name, heads.version;
comment on macro table rm_heads is
    'the heads: kind, objective, members, snapshot, rows used, accuracy or R^2 by split, which is deployed';
