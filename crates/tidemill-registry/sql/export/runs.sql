select
    public_id as run_id, experiment, name, kind, status, status_reason, owner, seed, code_version, started_at, ended_at
from run_rows
where lifecycle = 'active'
order by run_key
limit $1
