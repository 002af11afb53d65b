insert into releases (version_key, features_hash, thresholds, schema_hash, created_at) values ($1, $2, $3, $4, $5)
on conflict (version_key, features_hash, thresholds, schema_hash) do nothing
