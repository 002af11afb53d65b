update model_versions set approval = $2 where version_key = $1
