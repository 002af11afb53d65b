select at, state, finished_at
from event_clocks
where name = $1
