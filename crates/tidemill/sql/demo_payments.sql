-- Six payments of one of the last labelled days with all their features: three frauds and three genuine ones.
with
-- The last day whose labels are all known: a week before the newest label.
last_day as (
    select date_trunc('day', max(_tm_kafka_time) - interval '8 days') as day from labels
),

labelled as (
    select
        transactions.TRANSACTION_ID,
        labels.TX_FRAUD,
        row_number() over (partition by labels.TX_FRAUD order by transactions.TRANSACTION_ID) as place
    from transactions
    join labels on labels.TRANSACTION_ID = transactions.TRANSACTION_ID
    cross join last_day
    where transactions.TX_DATETIME >= last_day.day
        and transactions.TX_DATETIME < last_day.day + interval '1 day'
)

select
    labelled.TRANSACTION_ID,
    labelled.TX_FRAUD,
    context.TX_AMOUNT,
    context.TX_DURING_WEEKEND,
    context.TX_DURING_NIGHT,
    spending.CUSTOMER_ID_NB_TX_1DAY_WINDOW,
    spending.CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW,
    spending.CUSTOMER_ID_NB_TX_7DAY_WINDOW,
    spending.CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW,
    spending.CUSTOMER_ID_NB_TX_30DAY_WINDOW,
    spending.CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW,
    risk.TERMINAL_ID_NB_TX_1DAY_WINDOW,
    risk.TERMINAL_ID_RISK_1DAY_WINDOW,
    risk.TERMINAL_ID_NB_TX_7DAY_WINDOW,
    risk.TERMINAL_ID_RISK_7DAY_WINDOW,
    risk.TERMINAL_ID_NB_TX_30DAY_WINDOW,
    risk.TERMINAL_ID_RISK_30DAY_WINDOW
from labelled
join transaction_context as context on context.TRANSACTION_ID = labelled.TRANSACTION_ID
join customer_spending as spending on spending.TRANSACTION_ID = labelled.TRANSACTION_ID
join terminal_risk as risk on risk.TRANSACTION_ID = labelled.TRANSACTION_ID
where labelled.place <= 3
order by labelled.TX_FRAUD desc, labelled.TRANSACTION_ID
