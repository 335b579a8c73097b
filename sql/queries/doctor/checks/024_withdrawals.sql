-- check: every withdrawal names a snapshot or head that exists
-- hint:  restore the store from a copy: nothing else says who lost what
select 'withdrawal of ' || dataset || ' from ' || coalesce('snapshot ' || withdrawals.snapshot_id, 'head ' || withdrawals.head_id)
           as example,
       1 as n
from rm.main.withdrawals as withdrawals
left join rm.main.snapshots as snapshots using (snapshot_id)
left join rm.main.heads as heads using (head_id)
where (withdrawals.snapshot_id is not null and snapshots.name is null)
   or (withdrawals.head_id is not null and heads.name is null)
order by example
