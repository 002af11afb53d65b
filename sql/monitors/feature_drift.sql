-- monitor: feature_drift
-- kind: drift
-- model: fraud
-- every: 1d
-- window: 3d
--
-- How far the last three days of payments are from those that the serving version was trained on. Weekends are left out:
-- three days hold a weekend or none.

select
    TX_AMOUNT,
    -- Night ends with the hour that begins at six.
    case when extract(hour from TX_DATETIME) <= 6 then 1 else 0 end as TX_DURING_NIGHT
from transactions
where TX_DATETIME >= $from and TX_DATETIME < $to
