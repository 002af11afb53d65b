-- The last tick that the event clock finished.
select at
from event_clock
order by at desc
limit 1
