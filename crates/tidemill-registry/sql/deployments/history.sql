select
    deployment, model, version, release_key, features_hash, thresholds, schema_hash, kind, live_from, live_to, actor, reason,
    content_hash, artifact_hash
from deployments
where deployment = $1
order by event desc
limit $2
