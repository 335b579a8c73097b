delete from rm.main.encoders where encoder_id = $encoder_id
