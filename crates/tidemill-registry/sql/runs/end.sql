update runs set status = $2, status_reason = $3, ended_at = $4 where run_key = $1 and status = 'running'
