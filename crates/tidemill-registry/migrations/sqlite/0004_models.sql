-- Registered models and their versions.

create table registered_models (
    model_key integer primary key,
    name text not null unique,
    description text not null default '',
    created_at integer not null
) strict;

create table model_versions (
    version_key integer primary key,
    model_key integer not null references registered_models (model_key),
    version integer not null check (0 < version),
    run_key integer references runs (run_key),
    status text not null check (status in ('pending', 'ready')),
    content_hash text not null,
    artifact_hash text not null references blobs (hash),
    description text not null,
    gate text,
    approval text not null check (approval in ('pending', 'approved', 'rejected')),
    created_at integer not null,
    unique (model_key, version),
    -- The same bytes registered again are the same version.
    unique (model_key, content_hash)
) strict;

create index model_versions_by_run on model_versions (run_key);

-- Every run that produced the version: the first one, and those that made the same bytes again.
create table version_runs (
    version_key integer not null references model_versions (version_key),
    run_key integer not null references runs (run_key),
    at integer not null,
    primary key (version_key, run_key)
) strict, without rowid;

create index version_runs_by_run on version_runs (run_key);

-- A version with the names of its model and run: what every list of versions is read from.
create view version_rows as
select
    v.version_key, v.model_key, m.name as model, v.version, r.public_id as run, v.status, v.content_hash,
    v.artifact_hash, v.description, v.gate, v.approval, v.created_at
from model_versions as v
join registered_models as m on m.model_key = v.model_key
left join runs as r on r.run_key = v.run_key;

-- Only the approval of a ready version may still change.
create trigger model_versions_are_immutable
before update of model_key, version, run_key, status, content_hash, artifact_hash, description, gate, created_at
on model_versions when old.status = 'ready'
begin
    select raise(abort, 'a ready model version is immutable');
end;

create trigger model_versions_stay
before delete on model_versions when old.status = 'ready'
begin
    select raise(abort, 'a ready model version is immutable');
end;
