-- The newest points of every series of performance that is asked for; a text that is empty asks for all.
with
-- What is asked for, each series counted from its newest point.
placed as (
    select
        monitor,
        at,
        model,
        version,
        segment,
        window_from,
        window_to,
        rows,
        labelled,
        maturity,
        positives,
        metric,
        value,
        status,
        row_number() over (partition by monitor, model, segment, metric order by at desc) as place
    from performance
    where ($monitor = '' or monitor = $monitor)
        and ($model = '' or model = $model)
        and ($metric = '' or metric = $metric)
        and ($segment = '' or segment = $segment)
        and at >= $from
        and at < $to
)

select
    monitor,
    at,
    model,
    version,
    segment,
    window_from,
    window_to,
    rows,
    labelled,
    maturity,
    positives,
    metric,
    value,
    status
from placed
where place <= $points
order by monitor, model, segment nulls first, metric, at
