select name, spec from rm.main.encoders where encoder_key = $encoder_key
