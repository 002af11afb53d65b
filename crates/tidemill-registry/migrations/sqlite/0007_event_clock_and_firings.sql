-- How far the event clock is, and what triggers fired on the way.

-- One row for each clock: the last tick that is finished, and what the next one starts from.
create table event_clocks (
    name text primary key,
    at integer not null,
    state text not null,
    finished_at integer not null
) strict;

-- A trigger fires at most once for a time. `state` only goes on: due, training, trained, ended.
create table trigger_firings (
    firing integer primary key,
    trigger_name text not null,
    model text not null,
    kind text not null check (kind in ('drift', 'performance', 'data', 'schedule', 'manual')),
    at integer not null,
    evidence text not null,
    actor text not null,
    reason text not null,
    state text not null check (state in ('due', 'training', 'trained', 'ended')),
    outcome text check (outcome in ('promoted', 'kept', 'refused', 'stopped', 'failed')),
    detail text not null,
    run_id text,
    version integer,
    champion_before integer,
    recorded_at integer not null,
    ended_at integer,
    unique (trigger_name, at)
) strict;

create index trigger_firings_open on trigger_firings (state, firing);
create index trigger_firings_by_model on trigger_firings (model, firing);
