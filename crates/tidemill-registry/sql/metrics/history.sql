select p.step, p.at, p.value, p.is_nan
from runs as r
join metric_keys as k on k.name = $2
join metric_points as p on p.run_key = r.run_key and p.metric_key = k.metric_key
where r.public_id = $1 and r.lifecycle = 'active'
order by p.step, p.at, p.value, p.is_nan
limit $3
