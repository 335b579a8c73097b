select dataset, n as n_groups, reason, withdrawn_at
from rm.main.withdrawals
where head_id = $head_id
order by withdrawn_at, dataset
