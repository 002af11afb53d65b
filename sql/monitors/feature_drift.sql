-- monitor: feature_drift
-- kind: drift
-- model: fraud
-- every: 1d
-- window: 3d
--
-- How far the last three days of payments are from those that the serving version was trained on.

select
    TX_AMOUNT,
    -- Sunday is 0, Saturday is 6.
    case when extract(dow from TX_DATETIME) in (0, 6) then 1 else 0 end as TX_DURING_WEEKEND,
    -- Night ends with the hour that begins at six.
    case when extract(hour from TX_DATETIME) <= 6 then 1 else 0 end as TX_DURING_NIGHT
from transactions
where TX_DATETIME >= $from and TX_DATETIME < $to
