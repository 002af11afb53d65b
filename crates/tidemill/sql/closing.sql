-- What the loop came to, a line for each fact: the same however fast the events came, and however often the process died.
with
-- Every event landed, once.
events as (
    select
        'events' as part,
        concat('transactions ', count(*), ', offsets ', count(distinct concat(_tm_partition, ':', _tm_offset)),
            ', amount ', round(sum(TX_AMOUNT), 2)) as line
    from transactions
    union all
    select
        'events' as part,
        concat('labels ', count(*), ', offsets ', count(distinct concat(_tm_partition, ':', _tm_offset)),
            ', frauds ', sum(TX_FRAUD)) as line
    from labels
),

-- Every payment was scored once, by what was deployed when it happened.
scored as (
    select
        'predictions' as part,
        concat(deployment, ' version ', model_version, ': ', count(*), ', ids ', count(distinct prediction_id),
            ', payments ', count(distinct TRANSACTION_ID), ', from ', min(event_time), ' to ', max(event_time),
            ', scores ', round(sum(score), 4), ', decisions ', sum(decision)) as line
    from predictions
    where source = 'stream'
    group by deployment, model_version
),

-- What the monitors measured; figures are sums in any order, so the last digits are nobody's.
measured as (
    select
        'drift' as part,
        concat(monitor, ' ', at, ' ', column_name, ' of version ', reference_version, ': ', n_current, ' rows, ', status,
            ' ', coalesce(cast(round(value, 6) as varchar), '-')) as line
    from drift
    union all
    select
        'performance' as part,
        concat(monitor, ' ', at, ' ', coalesce(segment, 'all'), ' ', metric, ' of version ', version, ': ', labelled,
            ' of ', rows, ', ', status, ' ', coalesce(cast(round(value, 6) as varchar), '-')) as line
    from performance
),

-- What fired, and what came of it.
fired as (
    select
        'firings' as part,
        concat(trigger_name, ' ', at, ' ', kind, ' by ', actor, ': ', state, ' ', coalesce(outcome, '-'), ', version ',
            coalesce(cast(version as varchar), '-'), ', before ', coalesce(cast(champion_before as varchar), '-'), '; ',
            coalesce(detail, '')) as line
    from trigger_firings
),

-- What was made. A content hash covers the model, not the run that made it.
made as (
    select 'versions' as part, concat(model, ' ', version, ' ', gate, ' ', content_hash) as line
    from model_versions
    union all
    select 'aliases' as part, concat(model, ' ', alias, ' is ', version) as line
    from aliases
),

-- What served, one after the other.
served as (
    select
        'deployments' as part,
        concat(deployment, ' ', row_number() over (partition by deployment order by live_from), ': version ', version,
            ' ', kind, ' by ', actor) as line
    from deployments
),

-- How far the clock came.
clock as (
    select 'clock' as part, concat(name, ' ', at) as line
    from event_clock
)

select part, line from events
union all select part, line from scored
union all select part, line from measured
union all select part, line from fired
union all select part, line from made
union all select part, line from served
union all select part, line from clock
order by part, line
