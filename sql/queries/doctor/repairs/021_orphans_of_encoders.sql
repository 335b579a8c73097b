-- repair: renderings and runs of encoders that do not exist
-- each:   renderings, embedding_runs
delete from rm.main.{table} where encoder_id not in (select encoder_id from rm.main.encoders)
