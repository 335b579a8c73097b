-- Runs of reports, newest first: all, or those whose run_id begins with $prefix.
select runs.run_id::varchar as run_id, runs.report, heads.name || '@' || heads.version as head,
       runs.provenance ->> 'compare' as compare, snapshots.name || '@' || snapshots.version as snapshot,
       runs.parameters::varchar as parameters, runs.provenance ->> '$.where.sql' as "where",
       (runs.provenance ->> '$.folds.k')::integer as folds, runs.n_rows, runs.seconds, runs.created_at,
       runs.output
from rm.main.report_runs as runs
left join rm.main.heads as heads on heads.head_id = runs.head_id
left join rm.main.snapshots as snapshots on snapshots.snapshot_id = runs.snapshot_id
where ($prefix::varchar is null or starts_with(runs.run_id::varchar, $prefix))
    and ($report::varchar is null or runs.report = $report)
order by runs.created_at desc, runs.run_id
