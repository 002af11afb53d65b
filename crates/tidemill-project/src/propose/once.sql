-- check: {check}
-- kind: query
-- on: {stream}
-- severity: fail
--
-- A row comes once; twice, it would count twice in every feature.

select
    {key},
    count(*) as times
from {stream}
group by {key}
having count(*) > 1
