insert into rm.main.head_weights values ($head_id, $sha256, $bytes)
