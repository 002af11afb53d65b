insert into trigger_firings (
    trigger_name, model, kind, at, evidence, actor, reason, state, detail, champion_before, recorded_at
)
values ($1, $2, $3, $4, $5, $6, $7, 'due', '', $8, $9)
on conflict (trigger_name, at) do nothing
