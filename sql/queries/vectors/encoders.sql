select encoder_id, name, spec from rm.main.encoders order by encoder_id;
