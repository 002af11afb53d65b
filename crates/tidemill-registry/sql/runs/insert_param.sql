insert into params (run_key, name, value) values ($1, $2, $3)
on conflict (run_key, name) do nothing
