select value from params where run_key = $1 and name = $2
