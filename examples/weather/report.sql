-- What a policy was worth: every forecast from the first model on against what came, and what it cost.

with
-- The forecasts whose day is known. Each was made by what served then.
forecasts as (
    select
        predictions.score,
        -- As log loss counts it, a certain forecast that is wrong is not infinitely wrong.
        greatest(least(predictions.score, 1 - 1e-15), 1e-15) as bounded,
        predictions.decision,
        rainfall.rain
    from predictions
    join rainfall on rainfall.day = predictions.day
    where predictions.source = 'stream'
),
-- Ranks for the area under the curve; equal scores share the middle of theirs.
ranked as (
    select
        bounded,
        decision,
        rain,
        rank() over (order by score) + (count(*) over (partition by score) - 1) / 2.0 as middle_rank
    from forecasts
),
worth as (
    select
        count(*) as days,
        avg(case when decision = rain then 1.0 else 0.0 end) as accuracy,
        (sum(case when rain = 1 then middle_rank end) - sum(rain) * (sum(rain) + 1) / 2.0)
            / (sum(rain) * (count(*) - sum(rain))) as auc,
        -avg(case when rain = 1 then ln(bounded) else ln(1 - bounded) end) as log_loss
    from ranked
),
cost as (
    select
        count(*) as trainings,
        sum(case when outcome = 'promoted' then 1 else 0 end) as promoted
    from trigger_firings
)
select
    worth.days,
    round(worth.accuracy, 4) as accuracy,
    round(worth.auc, 4) as auc,
    round(worth.log_loss, 4) as log_loss,
    cost.trainings,
    cost.promoted
from worth
cross join cost
