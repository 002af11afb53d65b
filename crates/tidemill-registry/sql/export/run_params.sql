select r.public_id as run_id, p.name, p.value
from params as p
join runs as r on r.run_key = p.run_key
where r.lifecycle = 'active'
order by p.run_key, p.name
limit $1
