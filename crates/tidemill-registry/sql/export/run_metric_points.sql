select
    r.public_id as run_id, k.name, case when m.is_nan = 1 then null else m.value end as value, m.step, m.at, m.is_nan
from metric_points as m
join runs as r on r.run_key = m.run_key
join metric_keys as k on k.metric_key = m.metric_key
where r.lifecycle = 'active'
order by m.run_key, m.metric_key, m.step, m.at
limit $1
