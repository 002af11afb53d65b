select name, value from tags where run_key = $1 order by name
