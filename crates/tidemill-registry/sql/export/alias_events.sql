select m.name as model, e.alias, e.from_version, e.to_version, e.at, e.actor, e.reason
from alias_events as e
join registered_models as m on m.model_key = e.model_key
order by e.event
limit $1
