insert into metric_points (run_key, metric_key, step, at, value, is_nan)
values /* rows */
on conflict (run_key, metric_key, step, at, value, is_nan) do nothing
