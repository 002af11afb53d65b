select
    deployment, model, version, kind, live_from, live_to, case when live_to is null then 1 else 0 end as is_live,
    actor, reason, nullif(features_hash, '') as features_hash, nullif(thresholds, '') as thresholds,
    nullif(schema_hash, '') as schema_hash
from deployments
order by event
limit $1
