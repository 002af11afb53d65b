select
    firing, trigger_name, model, kind, at, evidence, actor, reason, state, outcome, detail, run_id, version, champion_before,
    recorded_at, ended_at
from trigger_firings
where ($1 = '' or trigger_name = $1) and ($2 = '' or model = $2)
order by at desc, firing desc
limit $3
