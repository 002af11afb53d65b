select
    model, version, run as run_id, status, approval, gate, content_hash, artifact_hash as artifact_sha256, description,
    created_at
from version_rows
order by model, version
limit $1
