-- The members of a snapshot where their texts do not matter.
select response_id, null::integer as n_tokens from rm.main.snapshot_members where snapshot_id = {snapshot_id}
