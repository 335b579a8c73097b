-- Reports that were run with the head, each question once.
select runs.report, snapshots.name || '@' || snapshots.version as snapshot, runs.parameters::varchar as parameters,
       max(runs.n_rows) as n_rows, arg_max(runs.sql_sha256, runs.created_at)[1:12] as sql_sha256
from rm.main.report_runs as runs
left join rm.main.snapshots as snapshots using (snapshot_id)
where runs.head_id = $head_id
group by runs.report, snapshots.name, snapshots.version, runs.parameters::varchar
order by runs.report, snapshots.name, snapshots.version, parameters
