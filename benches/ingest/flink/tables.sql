-- What a Flink user would write. The program that runs this fills in `{name}`.
create temporary table payments (
    transaction_id bigint,
    `at` timestamp_ltz(6),
    customer_id bigint,
    terminal_id bigint,
    amount double,
    currency string,
    country string,
    channel string,
    latitude double,
    longitude double,
    attempts int,
    is_online boolean,
    kafka_partition int metadata from 'partition' virtual,
    kafka_offset bigint metadata from 'offset' virtual,
    kafka_time timestamp_ltz(3) metadata from 'timestamp' virtual
) with (
    'connector' = 'kafka',
    'topic' = '{topic}',
    'properties.bootstrap.servers' = '{bootstrap}',
    'properties.group.id' = 'flink',
    'scan.startup.mode' = 'earliest-offset',
    -- Ends where the topic ends now, so that the last checkpoint makes the last file visible.
    'scan.bounded.mode' = 'latest-offset',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);

create temporary table landed (
    transaction_id bigint,
    `at` timestamp_ltz(6),
    customer_id bigint,
    terminal_id bigint,
    amount double,
    currency string,
    country string,
    channel string,
    latitude double,
    longitude double,
    attempts int,
    is_online boolean,
    kafka_partition int,
    kafka_offset bigint,
    kafka_time timestamp_ltz(3)
) with (
    'connector' = 'filesystem',
    'path' = '{folder}',
    'format' = 'parquet',
    'parquet.compression' = 'ZSTD',
    'parquet.write.int64.timestamp' = 'true',
    'parquet.timestamp.time.unit' = 'micros'
);
