-- monitor: score_drift
-- kind: drift
-- model: fraud
-- every: 1d
-- window: 3d
--
-- How far the scores of the last three days are from those that the serving version gave to its evaluation rows. Nobody has
-- to wait for labels to see it.

select score
from predictions
where source = 'stream' and event_time >= $from and event_time < $to
