insert into alias_events (model_key, alias, from_version, to_version, at, actor, reason)
values ($1, $2, $3, $4, $5, $6, $7)
