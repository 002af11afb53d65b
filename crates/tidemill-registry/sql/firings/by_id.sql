select
    firing, trigger_name, model, kind, at, evidence, actor, reason, state, outcome, detail, run_id, version, champion_before,
    recorded_at, ended_at
from trigger_firings
where firing = $1
