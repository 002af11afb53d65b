select version_key, version from model_versions where model_key = $1 and content_hash = $2
