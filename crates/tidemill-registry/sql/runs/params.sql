select name, value from params where run_key = $1 order by name
