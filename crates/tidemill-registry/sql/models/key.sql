select model_key from registered_models where name = $1
