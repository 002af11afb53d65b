-- What triggers fired, the newest first; a text that is empty asks for all.
select
    trigger,
    model,
    kind,
    at,
    evidence,
    actor,
    reason,
    state,
    outcome,
    detail,
    run_id,
    version,
    champion_before,
    recorded_at,
    ended_at
from trigger_firings
where ($trigger = '' or trigger = $trigger)
    and ($model = '' or model = $model)
order by at desc, recorded_at desc, trigger
