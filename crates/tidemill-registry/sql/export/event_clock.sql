select name, at, state, finished_at
from event_clocks
order by name
limit $1
