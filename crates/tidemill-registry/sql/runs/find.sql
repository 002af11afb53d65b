select run_key, status from runs where public_id = $1 and lifecycle = 'active'
