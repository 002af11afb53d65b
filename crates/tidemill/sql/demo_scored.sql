-- Payments that were to be scored, the predictions that there are, and the payments that these are of: three times the same.
with
-- What serves scores whatever happens from the tick of its promotion on.
first_promotion as (
    select min(at) as at from trigger_firings where outcome = 'promoted'
),

-- Ticks are stepped as far as the events go; what came after the last one is scored when the next one is through.
last_tick as (
    select max(at) as at from event_clock
),

to_score as (
    select count(*) as to_score
    from transactions
    cross join first_promotion
    cross join last_tick
    where transactions.TX_DATETIME >= first_promotion.at and transactions.TX_DATETIME < last_tick.at
),

scored as (
    select
        count(*) as predictions,
        count(distinct prediction_id) as ids,
        count(distinct TRANSACTION_ID) as payments_scored
    from predictions
    where source = 'stream'
)

select
    to_score.to_score,
    scored.predictions,
    scored.ids,
    scored.payments_scored
from to_score
cross join scored
