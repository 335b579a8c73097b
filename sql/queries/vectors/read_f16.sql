(select rowid, encoder_id, text_id, _rm_half(embedding)::float[{dim}] as embedding from rm.main.{vectors})
