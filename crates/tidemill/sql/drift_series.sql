-- The newest points of every series of drift that is asked for; a text that is empty asks for all.
select
    monitor,
    at,
    model,
    reference_version,
    window_from,
    window_to,
    column_name,
    measure,
    value,
    status,
    n_reference,
    n_current,
    null_share,
    psi,
    psi_of_values,
    psi_p,
    ks_lower,
    ks_upper,
    ks_p,
    jensen_shannon,
    hellinger,
    wasserstein,
    mean_reference,
    mean_current
from drift
where ($monitor = '' or monitor = $monitor)
    and ($model = '' or model = $model)
    and ($column = '' or column_name = $column)
    and at >= $from
    and at < $to
-- Each series is counted from its newest point.
qualify row_number() over (partition by monitor, model, column_name, measure order by at desc) <= $points
order by monitor, model, column_name, measure, at
