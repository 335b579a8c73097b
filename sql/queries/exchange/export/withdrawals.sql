-- What the snapshot lost with which data set, when and why.
select dataset, n as n_responses, reason, strftime(withdrawn_at, '%Y-%m-%dT%H:%M:%S.%f') as withdrawn_at
from rm.main.withdrawals
where snapshot_id = $snapshot_id
order by withdrawals.withdrawn_at, dataset
