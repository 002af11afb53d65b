select feature_hash, seed, code_version from run_lineage where run_key = $1
