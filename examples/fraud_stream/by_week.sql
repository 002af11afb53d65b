-- What the predictions of each week were worth, once the labels were known: of all payments, also those with cards that were
-- known to be compromised.
select
    cast(date_trunc('week', predictions.event_time) as date) as week,
    count(*) as payments,
    sum(labels.TX_FRAUD) as frauds,
    round(auc(predictions.score, labels.TX_FRAUD), 3) as auc,
    round(average_precision(predictions.score, labels.TX_FRAUD), 3) as average_precision,
    round(top_k_precision(predictions.score, labels.TX_FRAUD, predictions.CUSTOMER_ID, predictions.event_time, 100), 3)
        as card_precision_100
from predictions
inner join labels using (TRANSACTION_ID)
where predictions.source = 'stream'
group by week
order by week
