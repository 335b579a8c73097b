insert into rm.main.withdrawals
select $name, snapshot_id, null, count(*), $reason, $now from _rm_lost_members group by snapshot_id order by snapshot_id
