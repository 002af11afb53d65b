-- monitor: the_weather
-- kind: drift
-- model: rain
-- every: 90d
-- window: 365d
-- min rows: 300
--
-- How far the weather of the last year is from the years that the champion learnt from. Nothing acts on it: instruments that
-- read differently need not make forecasts worse. It says where to look when they do.

select
    temperature,
    dew_point,
    sea_level_pressure,
    visibility,
    wind_speed,
    wind_speed_max,
    temperature_max,
    temperature_min
from the_day
where at >= $from
    and at < $to
