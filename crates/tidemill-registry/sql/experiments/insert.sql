insert into experiments (name, created_at) values ($1, $2)
on conflict (name) do nothing
returning experiment_key
