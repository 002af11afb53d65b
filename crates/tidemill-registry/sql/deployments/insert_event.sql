insert into deployment_events (deployment, release_key, kind, at, actor, reason) values ($1, $2, $3, $4, $5, $6)
