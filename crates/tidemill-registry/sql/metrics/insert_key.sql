insert into metric_keys (name) values ($1) returning metric_key
