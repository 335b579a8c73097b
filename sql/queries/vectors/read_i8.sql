(select rowid, encoder_id, text_id, list_transform(embedding, lambda step: step * scale)::float[{dim}] as embedding
 from rm.main.{vectors})
