select split, metric, value, n from rm.main.head_metrics where head_id = $head_id order by split, metric
