-- There is one writer, so the next number is nobody else's; the unique key would tell.
insert into model_versions (
    model_key, version, run_key, status, content_hash, artifact_hash, description, gate, approval, created_at
)
select $1, coalesce(max(version), 0) + 1, $2, 'ready', $3, $4, $5, $6, $7, $8
from model_versions
where model_key = $1
returning version_key, version
