select metric_key from metric_keys where name = $1
