-- How good the predictions were before and after the world changed on {changed}: those of three days at a time, by whatever version had
-- made them, against labels that were known a week later.
with
by_days as (
    select
        date_bin(interval '3 days', predictions.event_time, timestamp '{changed}') as since,
        average_precision(predictions.score, labels.TX_FRAUD) as value
    from predictions
    inner join labels using (TRANSACTION_ID)
    where predictions.source = 'stream'
    group by since
)
select
    value,
    since >= timestamp '{changed}' as is_after
from by_days
where value is not null
order by since
