select sequence, at, actor, action, object, state_before, state_after, previous_hash, hash
from audit_log
order by sequence
limit $1
