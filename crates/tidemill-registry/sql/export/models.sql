select
    m.name, m.description, m.created_at, count(v.version_key) as versions, max(v.version) as newest_version
from registered_models as m
left join model_versions as v on v.model_key = m.model_key
group by m.model_key, m.name, m.description, m.created_at
order by m.name
limit $1
