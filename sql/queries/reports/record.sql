insert into rm.main.report_runs by name
select $run_id::uuid as run_id, $report as report, $sql_sha256 as sql_sha256, $parameters::json as parameters,
       $head_id as head_id, $snapshot_id as snapshot_id, $provenance::json as provenance, $seconds as seconds,
       $n_rows as n_rows, $output as output, $created_at::timestamp as created_at
