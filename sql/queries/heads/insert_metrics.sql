insert into rm.main.head_metrics
select $head_id, metrics.split, metrics.metric, metrics.value, metrics.n from new_metrics as metrics
