insert into rm.main.withdrawals values ($dataset, $snapshot_id, null, $n, $reason, $withdrawn_at);
