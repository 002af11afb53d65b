insert into latest_metrics (run_key, metric_key, step, at, value, is_nan)
values /* rows */
on conflict (run_key, metric_key) do update
set step = excluded.step, at = excluded.at, value = excluded.value, is_nan = excluded.is_nan
where
    (excluded.step, excluded.at, excluded.value, excluded.is_nan)
    > (latest_metrics.step, latest_metrics.at, latest_metrics.value, latest_metrics.is_nan)
