-- feature view: the_day
-- entity: day
-- key: day
-- event time: at
-- lookback: 0s
--
-- What the station measured that day.

select
    day,
    at,
    temperature,
    dew_point,
    sea_level_pressure,
    visibility,
    wind_speed,
    wind_speed_max,
    temperature_max,
    temperature_min
from weather
