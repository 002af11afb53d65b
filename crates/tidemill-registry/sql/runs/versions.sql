select v.model, v.version
from version_runs as p
join version_rows as v on v.version_key = p.version_key
where p.run_key = $1
order by v.model, v.version
