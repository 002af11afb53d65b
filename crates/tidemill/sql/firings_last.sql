-- The newest firing of each trigger.
with
placed as (
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
        ended_at,
        row_number() over (partition by trigger order by at desc) as place
    from trigger_firings
)

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
from placed
where place = 1
order by trigger
