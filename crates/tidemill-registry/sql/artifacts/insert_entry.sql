insert into artifact_entries (root, path, hash, created_at) values ($1, $2, $3, $4)
on conflict (root, path) do update set hash = excluded.hash, created_at = excluded.created_at
