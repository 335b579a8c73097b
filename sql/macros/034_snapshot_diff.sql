-- Two snapshots side by side. The text of the query comes from snapshot_diff.py, since it depends on the tables of vectors
-- and the layouts; it takes constants or $parameters. A query that asks for no cosine reads no vector. One that does
-- joins the vectors of both sides and uses as much memory as the engine is allowed, spilling the rest; `snapshot diff`
-- compares them in slices and needs less.

-- change: added, removed, kept (text, encoder and layout as before), rerendered (another text stands for the response),
-- reencoded (the same text under another encoder). cosine: between its two vectors, 1 where it was kept, null where there
-- are not two vectors of one width.
create or replace macro rm_snapshot_diff(old, new) as table from query(_rm_snapshot_diff_sql(old, new));
comment on macro table rm_snapshot_diff is
    'a row per response of two snapshots: response_id, prompt_id, change (added, removed, kept, rerendered, reencoded), tokens, cosine';
