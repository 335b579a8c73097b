-- repair: vectors of encoders that do not exist
-- each:   embedding table
delete from rm.main.{table} where encoder_id not in (select encoder_id from rm.main.encoders)
