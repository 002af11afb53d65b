select to_version
from alias_events
where model_key = $1 and alias = $2 and at <= $3
order by event desc
limit 1
