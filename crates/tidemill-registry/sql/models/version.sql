select version_key, model, version, run, status, content_hash, artifact_hash, description, gate, approval, created_at
from version_rows
where model_key = $1 and version = $2
