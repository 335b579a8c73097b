insert into rm.main.heads by name
select $head_id as head_id, $name as name, $version as version, $kind as kind, $objective as objective,
       $options::json as options, $chosen::json as chosen, $members as members, $merge as "merge", $seed as seed,
       $snapshot_id as snapshot_id, $encoder_key as encoder_key, $layout as layout, $inputs::json as inputs,
       $within_prompt as within_prompt, $training_sql as training_sql, $fingerprint as fingerprint,
       $n_used as n_used, $n_skipped as n_skipped, $temperature as temperature, $reference_mean as reference_mean,
       $member_means as member_means, $member_scales as member_scales, $seconds as seconds, $notes as notes,
       $rmstore_version as rmstore_version,
       now()::timestamp as created_at, null as dropped_at
