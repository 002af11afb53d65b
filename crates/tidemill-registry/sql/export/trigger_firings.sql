select
    trigger_name, model, kind, at, evidence, actor, reason, state, outcome, detail, run_id, version, champion_before,
    recorded_at, ended_at
from trigger_firings
order by firing
limit $1
