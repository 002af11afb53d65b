select owner from runs where run_key = $1
