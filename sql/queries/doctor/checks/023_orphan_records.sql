-- check: members, runs and origins name a snapshot or encoder that exists
-- hint:  rmstore doctor --repair
with orphans as (
    select 'snapshot ' || snapshot_id || ' of member ' || response_id as example
    from rm.main.snapshot_members anti join rm.main.snapshots using (snapshot_id)
    union all
    select 'origin of snapshot ' || snapshot_id
    from rm.main.snapshot_origins anti join rm.main.snapshots using (snapshot_id)
    union all
    select 'encoder ' || encoder_id || ' of an embedding run'
    from rm.main.embedding_runs anti join rm.main.encoders using (encoder_id)
)
select example, 1 as n from orphans order by example
