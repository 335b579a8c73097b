select dataset, n as n_responses, reason, withdrawn_at
from rm.main.withdrawals
where snapshot_id = $snapshot_id
order by withdrawn_at, dataset
