insert into rm.main.encoders
select coalesce((select max(encoder_id) from rm.main.encoders), 0) + 1,
       $name, $encoder_key, $dim, $precision, $spec, $model, $revision, $license, $now;
