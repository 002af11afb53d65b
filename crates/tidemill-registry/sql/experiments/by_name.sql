select
    e.name, e.created_at,
    (
        select count(*) from runs as r
        where r.experiment_key = e.experiment_key and r.lifecycle = 'active'
    ) as run_count
from experiments as e
where e.name = $1 and e.lifecycle = 'active'
