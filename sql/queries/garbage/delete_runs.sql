-- The number of an encoder that goes may be given again.
delete from rm.main.embedding_runs where encoder_id = $encoder_id
