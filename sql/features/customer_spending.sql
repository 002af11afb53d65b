-- feature view: customer_spending
-- entity: customer
-- key: TRANSACTION_ID
-- event time: TX_DATETIME
-- lookback: 30d
-- known: by the event
--
-- How often and how much the customer paid in the last 1, 7 and 30 days, this payment included.

with
-- In whole seconds the open start of a window can be said exactly: the W days (t - W, t] reach back W * 86400 - 1 seconds.
payments as (
    select
        TRANSACTION_ID,
        TX_DATETIME,
        CUSTOMER_ID,
        -- Whole cents add up exactly, from wherever a window is computed; sums of fractions depend on where they began.
        cast(round(TX_AMOUNT * 100) as bigint) as cents,
        cast(floor(extract(epoch from TX_DATETIME)) as bigint) as paid_at
    from transactions
)

select
    TRANSACTION_ID,
    TX_DATETIME,
    count(*) over last_1_day as CUSTOMER_ID_NB_TX_1DAY_WINDOW,
    cast(sum(cents) over last_1_day as double) / count(*) over last_1_day / 100 as CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW,
    count(*) over last_7_days as CUSTOMER_ID_NB_TX_7DAY_WINDOW,
    cast(sum(cents) over last_7_days as double) / count(*) over last_7_days / 100 as CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW,
    count(*) over last_30_days as CUSTOMER_ID_NB_TX_30DAY_WINDOW,
    cast(sum(cents) over last_30_days as double) / count(*) over last_30_days / 100 as CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW
from payments
window
    last_1_day as (
        partition by CUSTOMER_ID order by paid_at range between 86399 preceding and current row
    ),
    last_7_days as (
        partition by CUSTOMER_ID order by paid_at range between 604799 preceding and current row
    ),
    last_30_days as (
        partition by CUSTOMER_ID order by paid_at range between 2591999 preceding and current row
    )
