-- The snapshot of a head, also where it was dropped, and the spec of its encoder.
select snapshots.name || '@' || snapshots.version as reference, snapshots.fingerprint, snapshots.layout,
       snapshots.datasets, snapshots."where", snapshots.n_rows, snapshots.dropped_at is not null as is_dropped,
       encoders.name as encoder, encoders.spec
from rm.main.snapshots as snapshots
join rm.main.encoders as encoders using (encoder_id)
where snapshots.snapshot_id = $snapshot_id
