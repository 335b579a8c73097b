select snapshots.snapshot_id, snapshots.name, snapshots.version, snapshots.encoder_id, encoders.name as encoder,
       encoders.encoder_key, encoders.dim, encoders."precision", snapshots.layout, snapshots.datasets, snapshots."where",
       snapshots.n_rows, snapshots.n_withdrawn, snapshots.fingerprint, snapshots.parent, snapshots.author,
       snapshots.message, snapshots.created_at::varchar as created_at,
       snapshots.dropped_at is not null as is_dropped
from rm.main.snapshots as snapshots
join rm.main.encoders as encoders using (encoder_id)
where $name is null or snapshots.name = $name
order by snapshots.name, snapshots.version;
