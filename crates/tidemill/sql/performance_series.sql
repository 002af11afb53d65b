-- The newest points of every series of performance that is asked for; a text that is empty asks for all.
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
from performance
where ($monitor = '' or monitor = $monitor)
    and ($model = '' or model = $model)
    and ($metric = '' or metric = $metric)
    and ($segment = '' or segment = $segment)
    and at >= $from
    and at < $to
-- Each series is counted from its newest point.
qualify row_number() over (partition by monitor, model, segment, metric order by at desc) <= $points
order by monitor, model, segment nulls first, metric, at
