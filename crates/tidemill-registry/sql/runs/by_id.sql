select
    r.run_key, r.public_id, r.experiment, r.name, r.kind, r.status, r.status_reason, r.owner, r.seed, r.code_version,
    r.started_at, r.ended_at
from run_rows as r
where r.public_id = $1 and r.lifecycle = 'active'
