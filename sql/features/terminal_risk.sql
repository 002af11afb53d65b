-- feature view: terminal_risk
-- entity: terminal
-- key: TRANSACTION_ID
-- event time: TX_DATETIME
-- lookback: 37d
-- known: by the event
--
-- How many payments the terminal saw in 1, 7 and 30 days, and which share of them was fraud. The days end seven days
-- before the payment, because only then the labels are known.

with
-- A payment whose label did not come counts as genuine.
labelled as (
    select
        transactions.TRANSACTION_ID,
        transactions.TX_DATETIME,
        transactions.TERMINAL_ID,
        cast(floor(extract(epoch from transactions.TX_DATETIME)) as bigint) as paid_at,
        coalesce(labels.TX_FRAUD, 0) as fraud
    from transactions
    left join labels on labels.TRANSACTION_ID = transactions.TRANSACTION_ID
),

-- The W days (t - 7 - W, t - 7] in whole seconds: from (7 + W) * 86400 - 1 to 604800 seconds back.
counted as (
    select
        TRANSACTION_ID,
        TX_DATETIME,
        count(*) over day_1 as payments_1,
        sum(fraud) over day_1 as frauds_1,
        count(*) over days_7 as payments_7,
        sum(fraud) over days_7 as frauds_7,
        count(*) over days_30 as payments_30,
        sum(fraud) over days_30 as frauds_30
    from labelled
    window
        day_1 as (
            partition by TERMINAL_ID order by paid_at range between 691199 preceding and 604800 preceding
        ),
        days_7 as (
            partition by TERMINAL_ID order by paid_at range between 1209599 preceding and 604800 preceding
        ),
        days_30 as (
            partition by TERMINAL_ID order by paid_at range between 3196799 preceding and 604800 preceding
        )
)

-- A terminal without payments has shown no risk.
select
    TRANSACTION_ID,
    TX_DATETIME,
    payments_1 as TERMINAL_ID_NB_TX_1DAY_WINDOW,
    case when payments_1 = 0 then 0.0 else cast(frauds_1 as double) / payments_1 end as TERMINAL_ID_RISK_1DAY_WINDOW,
    payments_7 as TERMINAL_ID_NB_TX_7DAY_WINDOW,
    case when payments_7 = 0 then 0.0 else cast(frauds_7 as double) / payments_7 end as TERMINAL_ID_RISK_7DAY_WINDOW,
    payments_30 as TERMINAL_ID_NB_TX_30DAY_WINDOW,
    case when payments_30 = 0 then 0.0 else cast(frauds_30 as double) / payments_30 end as TERMINAL_ID_RISK_30DAY_WINDOW
from counted
