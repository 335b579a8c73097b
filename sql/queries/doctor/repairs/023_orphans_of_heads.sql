-- repair: what belonged to heads that do not exist
-- each:   head_weights, head_metrics, head_training, head_descriptions, head_origins
delete from rm.main.{table} where head_id not in (select head_id from rm.main.heads)
