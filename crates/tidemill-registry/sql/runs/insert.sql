insert into runs (public_id, experiment_key, name, kind, status, owner, seed, code_version, started_at)
values ($1, $2, $3, $4, 'running', $5, $6, $7, $8)
