insert into version_runs (version_key, run_key, at) values ($1, $2, $3)
on conflict (version_key, run_key) do nothing
