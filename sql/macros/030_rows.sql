-- Rows, pairs and the list of snapshots. The text of a query over one snapshot comes from functions/rows.py, since the
-- table of vectors depends on it; it takes a constant or a $parameter.

-- One row per (member, generation); embedding has the layout of the snapshot.
create or replace macro rm_rows(snapshot) as table from query(_rm_rows_sql(snapshot));
comment on macro table rm_rows is
    'a row per (response, generation) of a snapshot: ids, dataset, subset, split, policy, n_chars, n_tokens, embedding';

-- One row per vote whose two sides are members; prompt, group, split and chosen_chars are those of the chosen side.
create or replace macro rm_pairs(snapshot) as table from query(_rm_pairs_sql(snapshot));
comment on macro table rm_pairs is
    'a row per vote between responses of a snapshot: the preference, ids, split, embedding and chars of both sides';

-- The votes of a snapshot whatever a report's folds or the operator's condition leave out of rm_pairs: what baselines
-- learn from.
create or replace macro _rm_all_pairs(snapshot) as table from query(_rm_pairs_sql(snapshot));

create or replace macro _rm_product(a, b) as list_transform(list_zip(a, b), lambda pair: pair[1] * pair[2]);

create or replace macro rm_snapshots() as table
    select snapshots.name,
           snapshots.version,
           snapshots.name || '@' || snapshots.version as reference,
           encoders.name as encoder,
           encoders.dim,
           snapshots.layout,
           snapshots.datasets,
           snapshots."where",
           snapshots.n_rows,
           snapshots.n_withdrawn,
           snapshots.fingerprint,
           snapshots.snapshot_id,
           snapshots.parent,
           coalesce(marks.tags, []) as tags,
           snapshots.author,
           snapshots.message,
           snapshots.created_at
    from rm.main.snapshots as snapshots
    join rm.main.encoders as encoders using (encoder_id)
    left join (
        select name, version, list(tag order by tag) as tags
        from rm.main.snapshot_tags
        group by name, version
    ) as marks on marks.name = snapshots.name and marks.version = snapshots.version
    where snapshots.dropped_at is null
    order by snapshots.name, snapshots.version;
comment on macro table rm_snapshots is 'the snapshots: encoder, layout, data sets, rows, of which withdrawn, fingerprint, tags';
