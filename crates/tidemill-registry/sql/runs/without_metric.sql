select
    r.run_key, r.public_id, r.experiment, r.name, r.kind, r.status, r.status_reason, r.owner, r.seed, r.code_version,
    r.started_at, r.ended_at
from run_rows as r
where
    r.lifecycle = 'active'
    and (cast($2 as bigint) is null or r.experiment_key = $2)
    and not exists (
        select 1 from latest_metrics as m
        where m.run_key = r.run_key and m.metric_key = $1 and m.is_nan = 0
    )
order by r.started_at desc, r.run_key desc
limit $3
