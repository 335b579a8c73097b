select sha256, octet_length(bytes)::bigint as n_bytes from rm.main.head_weights where head_id = $head_id
