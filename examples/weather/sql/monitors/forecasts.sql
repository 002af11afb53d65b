-- monitor: forecasts
-- kind: performance
-- model: rain
-- every: 30d
-- window: 365d
-- min rows: 300
--
-- How good the forecasts of the last year were: a whole year, so that no season counts more than another. Those of earlier
-- versions are among them.

select
    predictions.score,
    rainfall.rain as label
from predictions
left join rainfall on rainfall.day = predictions.day
where predictions.model = 'rain'
    and predictions.source = 'stream'
    and predictions.event_time >= $from
    and predictions.event_time < $to
