select r.run_key, r.public_id
from version_runs as p
join runs as r on r.run_key = p.run_key
where p.version_key = $1
order by p.at, p.run_key
