-- trigger: forecasts_worse
-- kind: performance
-- model: rain
-- cooldown: 180d
--
-- The log loss of the last year is more than a fiftieth above what the champion had on the year that it was judged on. Then a challenger is
-- trained, and takes over if it would have been better on the last year.

with
-- What to expect of the champion: the figure of the run that made it.
expected as (
    select run_metrics.value
    from model_versions
    join run_metrics on run_metrics.run_id = model_versions.run_id
    where model_versions.model = 'rain'
        and model_versions.version = $champion
        and run_metrics.name = 'log_loss'
),
-- What came of it, where almost the whole year is forecast and known.
found as (
    select value, labelled
    from performance
    where monitor = 'forecasts'
        and at = $now
        and segment is null
        and metric = 'log_loss'
        and labelled >= 350
)
select
    found.value as log_loss,
    expected.value as expected_log_loss,
    found.labelled
from found
cross join expected
where found.value > 1.02 * expected.value
