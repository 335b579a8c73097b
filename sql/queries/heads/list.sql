-- Head versions that were not dropped, oldest first; $name and $fingerprint choose where they are not null.
select head_id, name, version, kind, objective, options, chosen, members, "merge", seed, snapshot_id, encoder_key,
       layout, inputs, within_prompt, training_sql, fingerprint, n_used, n_skipped, temperature, reference_mean,
       member_means, member_scales, seconds, notes, rmstore_version, created_at::varchar as created_at
from rm.main.heads
where dropped_at is null and ($name is null or name = $name)
  and ($fingerprint is null or fingerprint = $fingerprint)
order by name, version
