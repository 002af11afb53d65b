select m.run_key, k.name, m.value, m.is_nan
from latest_metrics as m
join metric_keys as k on k.metric_key = m.metric_key
where m.run_key in (/* keys */)
order by m.run_key, k.name
