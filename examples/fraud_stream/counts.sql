-- That nothing is missing and nothing is twice: payments since the first version served, their predictions, and how many of these
-- have a label.
with
first_version as (
    select min(at) as at
    from trigger_firings
    where outcome = 'promoted'
),
owed as (
    select count(*) as payments
    from transactions
    cross join first_version
    where
        transactions.TX_DATETIME >= first_version.at
        and transactions.TX_DATETIME < (select max(at) from event_clock)
)
select
    max(owed.payments) as payments,
    count(*) as predictions,
    count(distinct predictions.prediction_id) as prediction_ids,
    count(distinct predictions.TRANSACTION_ID) as payments_scored,
    count(labels.TX_FRAUD) as labelled,
    count(distinct predictions.model_version) as versions
from predictions
left join labels using (TRANSACTION_ID)
cross join owed
where predictions.source = 'stream'
