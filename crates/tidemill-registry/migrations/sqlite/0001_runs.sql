-- Experiments and runs. A run has an integer key, by which the wide tables refer to it, and a public id of 32 hex digits.
-- Times are microseconds since 1970, UTC, here and in every other table.

create table experiments (
    experiment_key integer primary key,
    name text not null unique,
    lifecycle text not null default 'active' check (lifecycle in ('active', 'deleted')),
    created_at integer not null
) strict;

create table runs (
    run_key integer primary key,
    public_id text not null unique check (length(public_id) = 32),
    experiment_key integer not null references experiments (experiment_key),
    name text not null,
    kind text not null,
    status text not null check (status in ('running', 'finished', 'failed', 'stopped', 'killed')),
    status_reason text,
    owner text not null,
    seed integer,
    code_version text,
    lifecycle text not null default 'active' check (lifecycle in ('active', 'deleted')),
    started_at integer not null,
    ended_at integer,
    -- A run has an end exactly when it is not running.
    check ((status = 'running') = (ended_at is null))
) strict;

create index runs_by_start on runs (experiment_key, lifecycle, started_at desc, run_key desc);
create index runs_by_start_anywhere on runs (lifecycle, started_at desc, run_key desc);
-- Few runs are running: what a dead process left behind is found without reading the others.
create index runs_running on runs (owner, run_key) where status = 'running';

-- A run with the name of its experiment: what every list of runs is read from.
create view run_rows as
select
    r.run_key, r.experiment_key, r.lifecycle, r.public_id, e.name as experiment, r.name, r.kind, r.status,
    r.status_reason, r.owner, r.seed, r.code_version, r.started_at, r.ended_at
from runs as r
join experiments as e on e.experiment_key = r.experiment_key;

create table params (
    run_key integer not null references runs (run_key),
    name text not null,
    value text not null,
    primary key (run_key, name)
) strict, without rowid;

create table tags (
    run_key integer not null references runs (run_key),
    name text not null,
    value text not null,
    primary key (run_key, name)
) strict, without rowid;
