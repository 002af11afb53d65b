select
    deployment, model, version, release_key, features_hash, thresholds, schema_hash, kind, live_from, live_to, actor, reason,
    content_hash, artifact_hash
from deployments
where live_from <= $1 and (live_to is null or $1 < live_to)
order by deployment
limit $2
