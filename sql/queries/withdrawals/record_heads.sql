insert into rm.main.withdrawals
select $name, null, head_id, n_groups, $reason, $now from _rm_withdrawn_heads order by head_id
