-- `cross join` fixes the order: walk the metric's index from its best value and stop at the limit. With the order left to
-- the planner every run may be sorted.
select
    r.run_key, r.public_id, r.experiment, r.name, r.kind, r.status, r.status_reason, r.owner, r.seed, r.code_version,
    r.started_at, r.ended_at
from latest_metrics as m
cross join run_rows as r
where
    m.metric_key = $1 and m.is_nan = 0
    and r.run_key = m.run_key and r.lifecycle = 'active'
    and (cast($2 as bigint) is null or r.experiment_key = $2)
order by m.value desc, m.run_key desc
limit $3
