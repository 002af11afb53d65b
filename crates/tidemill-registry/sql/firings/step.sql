update trigger_firings
set
    state = $2,
    outcome = coalesce($3, outcome),
    detail = $4,
    run_id = coalesce($5, run_id),
    version = coalesce($6, version),
    ended_at = coalesce($7, ended_at)
where firing = $1
