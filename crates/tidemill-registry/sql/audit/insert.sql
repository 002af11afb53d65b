insert into audit_log (sequence, at, actor, action, object, state_before, state_after, previous_hash, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
