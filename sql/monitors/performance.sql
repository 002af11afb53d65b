-- monitor: performance
-- kind: performance
-- model: fraud
-- every: 1d
-- window: 3d
-- delay: 7d
-- min rows: 500
--
-- How good the serving version's predictions of three days were, a week later, when the labels of all of them are known.

select
    predictions.score,
    labels.TX_FRAUD as label,
    predictions.CUSTOMER_ID as entity,
    predictions.event_time
from predictions
left join labels on labels.TRANSACTION_ID = predictions.TRANSACTION_ID
where
    predictions.source = 'stream'
    and predictions.model_version = $version
    and predictions.event_time >= $from
    and predictions.event_time < $to
