select experiment_key from experiments where name = $1
