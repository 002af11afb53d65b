-- feature view: transaction_context
-- entity: transaction
-- key: TRANSACTION_ID
-- event time: TX_DATETIME
-- lookback: 0s
-- known: by the event
--
-- What the payment itself tells: its amount, and whether it was made on a weekend or at night.

select
    TRANSACTION_ID,
    TX_DATETIME,
    TX_AMOUNT,
    -- Sunday is 0, Saturday is 6.
    case when extract(dow from TX_DATETIME) in (0, 6) then 1 else 0 end as TX_DURING_WEEKEND,
    -- Night ends with the hour that begins at six.
    case when extract(hour from TX_DATETIME) <= 6 then 1 else 0 end as TX_DURING_NIGHT
from transactions
