-- Metrics. Names are in a dictionary, so that a point is a few bytes.

create table metric_keys (
    metric_key integer primary key,
    name text not null unique
) strict;

-- The whole point is its own key: logging it twice is harmless. SQLite has no NaN, so it is a flag beside a zero.
create table metric_points (
    run_key integer not null references runs (run_key),
    metric_key integer not null references metric_keys (metric_key),
    step integer not null,
    at integer not null,
    value real not null,
    is_nan integer not null check (is_nan in (0, 1)),
    primary key (run_key, metric_key, step, at, value, is_nan)
) strict, without rowid;

-- The point of each run and metric with the largest (step, at, value).
create table latest_metrics (
    run_key integer not null references runs (run_key),
    metric_key integer not null references metric_keys (metric_key),
    step integer not null,
    at integer not null,
    value real not null,
    is_nan integer not null check (is_nan in (0, 1)),
    primary key (run_key, metric_key)
) strict, without rowid;

-- Runs ordered by a metric are read from this index, best first, until the limit is reached.
create index latest_metrics_by_value on latest_metrics (metric_key, is_nan, value, run_key);
