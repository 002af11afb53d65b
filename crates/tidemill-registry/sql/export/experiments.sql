select
    e.name, e.created_at,
    (
        select count(*) from runs as r
        where r.experiment_key = e.experiment_key and r.lifecycle = 'active'
    ) as runs
from experiments as e
where e.lifecycle = 'active'
order by e.name
limit $1
