select provenance::varchar as provenance, output from rm.main.report_runs where run_id = $run_id::uuid
