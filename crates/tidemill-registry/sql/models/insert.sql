insert into registered_models (name, created_at) values ($1, $2)
on conflict (name) do nothing
returning model_key
