-- What exists by content, who refers to it, and what a run was made from.

create table blobs (
    hash text primary key check (length(hash) = 64),
    byte_count integer not null check (0 <= byte_count),
    created_at integer not null
) strict, without rowid;

-- A root is `runs/<public id>` or `models/<name>/<version>`. Paths are names only: no file is ever opened by one.
create table artifact_entries (
    root text not null,
    path text not null,
    hash text not null references blobs (hash),
    created_at integer not null,
    primary key (root, path)
) strict, without rowid;

create index artifact_entries_by_hash on artifact_entries (hash);

-- What a run pins as a whole. One row for a run, written once.
create table run_lineage (
    run_key integer primary key references runs (run_key),
    feature_hash text not null,
    seed integer not null,
    code_version text not null,
    recorded_at integer not null
) strict;

-- The tables, each at one Delta version, that a run read. A bound that does not apply is null.
create table training_inputs (
    run_key integer not null references run_lineage (run_key),
    position integer not null,
    table_name text not null,
    delta_version integer not null,
    window_from integer,
    window_to integer,
    row_count integer not null check (0 <= row_count),
    primary key (run_key, position)
) strict, without rowid;

create index training_inputs_by_table on training_inputs (table_name, delta_version);

-- The Kafka offsets that are in those tables: `start_offset` is the first one read, `end_offset` the one after the last.
create table stream_ranges (
    run_key integer not null references run_lineage (run_key),
    position integer not null,
    table_name text not null,
    topic text not null,
    kafka_partition integer not null,
    start_offset integer not null check (0 <= start_offset),
    end_offset integer not null check (start_offset <= end_offset),
    primary key (run_key, position)
) strict, without rowid;

create index stream_ranges_by_topic on stream_ranges (topic, kafka_partition, start_offset);
