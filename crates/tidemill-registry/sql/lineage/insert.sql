insert into run_lineage (run_key, feature_hash, seed, code_version, recorded_at) values ($1, $2, $3, $4, $5)
