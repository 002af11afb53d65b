-- trigger: performance_drop
-- kind: performance
-- model: fraud
-- cooldown: 7d
-- quota: 4 per 30d
--
-- The serving version finds much less of the fraud than when it was evaluated.

with
-- What it was let through with.
at_first as (
    select run_metrics.value
    from model_versions
    join run_metrics on run_metrics.run_id = model_versions.run_id
    where
        model_versions.model = 'fraud'
        and model_versions.version = $champion
        and run_metrics.name = 'average_precision'
),

-- What the newest mature window says, and the two before it: one bad day is no trend.
lately as (
    select
        max(value) as value,
        count(*) as runs
    from performance
    where
        monitor = 'performance'
        and version = $champion
        and metric = 'average_precision'
        and segment is null
        and status = 'ok'
        and at > $now - interval '3 days'
        and at <= $now
)

select
    round(lately.value, 3) as average_precision,
    round(at_first.value, 3) as at_first
from lately
cross join at_first
where lately.runs = 3 and lately.value < 0.7 * at_first.value
