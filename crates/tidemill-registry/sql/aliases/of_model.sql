select alias, version, at from aliases where model_key = $1 order by alias
