insert into blobs (hash, byte_count, created_at) values ($1, $2, $3)
on conflict (hash) do nothing
