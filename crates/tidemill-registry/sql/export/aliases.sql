select model, alias, version, at as since, actor, reason
from aliases
order by model, alias
limit $1
