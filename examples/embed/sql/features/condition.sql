-- feature view: condition
-- entity: machine
-- key: id
-- event time: at
-- lookback: 1d
--
-- How a machine is, and how it was over the last day.

select
    id,
    at,
    temperature,
    vibration,
    avg(temperature) over last_day as temperature_1d,
    avg(vibration) over last_day as vibration_1d
from readings
window last_day as (partition by machine order by at range between interval '1 day' preceding and current row)
