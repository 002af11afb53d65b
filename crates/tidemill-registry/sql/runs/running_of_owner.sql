select run_key, public_id from runs where owner = $1 and status = 'running' order by run_key
