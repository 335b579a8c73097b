select snapshots.name || '@' || snapshots.version as snapshot, encoders.name as encoder, snapshots.layout,
       snapshots.n_rows as "rows"
from rm.main.snapshots as snapshots
join rm.main.encoders as encoders using (encoder_id)
where snapshots.dropped_at is null
order by snapshots.name, snapshots.version
