-- feature view: {view}
-- entity: row
-- key: {key}
-- event time: {time}
-- lookback: 0s
--
-- What each row itself tells.

select
    {key},
    {time}{measures}
from {stream}
