-- Who points where, as events. Nothing here is updated: the present is a view over the past.

-- A missing `from_version` means that the alias was new, a missing `to_version` that it was removed.
create table alias_events (
    event integer primary key,
    model_key integer not null references registered_models (model_key),
    alias text not null,
    from_version integer,
    to_version integer,
    at integer not null,
    actor text not null,
    reason text not null,
    foreign key (model_key, from_version) references model_versions (model_key, version),
    foreign key (model_key, to_version) references model_versions (model_key, version)
) strict;

create index alias_events_by_alias on alias_events (model_key, alias, event);

create view aliases as
select e.event, e.model_key, m.name as model, e.alias, e.to_version as version, e.at, e.actor, e.reason
from alias_events as e
join registered_models as m on m.model_key = e.model_key
where
    e.to_version is not null
    and e.event = (
        select max(later.event) from alias_events as later
        where later.model_key = e.model_key and later.alias = e.alias
    );

-- What goes live as one: the model version with the features' SQL, the thresholds and the schema it needs.
-- An empty text stands for "none", so that the whole row is a key.
create table releases (
    release_key integer primary key,
    version_key integer not null references model_versions (version_key),
    features_hash text not null,
    thresholds text not null,
    schema_hash text not null,
    created_at integer not null,
    unique (version_key, features_hash, thresholds, schema_hash)
) strict;

create table deployment_events (
    event integer primary key,
    deployment text not null,
    release_key integer not null references releases (release_key),
    kind text not null check (kind in ('deploy', 'rollback', 'forward')),
    at integer not null,
    actor text not null,
    reason text not null
) strict;

create index deployment_events_by_deployment on deployment_events (deployment, event);

-- What was live when: each event lasts until the next one of its deployment; the last one is still live.
create view deployments as
select
    e.event, e.deployment, m.name as model, v.version, e.release_key, e.kind, e.at as live_from,
    lead(e.at) over (partition by e.deployment order by e.event) as live_to,
    e.actor, e.reason, r.features_hash, r.thresholds, r.schema_hash, v.content_hash, v.artifact_hash
from deployment_events as e
join releases as r on r.release_key = e.release_key
join model_versions as v on v.version_key = r.version_key
join registered_models as m on m.model_key = v.model_key;

create trigger alias_events_keep_their_words before update on alias_events
begin
    select raise(abort, 'alias events are append-only');
end;

create trigger alias_events_stay before delete on alias_events
begin
    select raise(abort, 'alias events are append-only');
end;

create trigger releases_keep_their_words before update on releases
begin
    select raise(abort, 'releases are append-only');
end;

create trigger releases_stay before delete on releases
begin
    select raise(abort, 'releases are append-only');
end;

create trigger deployment_events_keep_their_words before update on deployment_events
begin
    select raise(abort, 'deployment events are append-only');
end;

create trigger deployment_events_stay before delete on deployment_events
begin
    select raise(abort, 'deployment events are append-only');
end;
