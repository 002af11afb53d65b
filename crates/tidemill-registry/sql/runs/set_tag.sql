insert into tags (run_key, name, value) values ($1, $2, $3)
on conflict (run_key, name) do update set value = excluded.value
