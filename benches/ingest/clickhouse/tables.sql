-- What a ClickHouse user would write. The program that runs this fills in `{name}`.
create table payments (
    transaction_id Int64,
    at DateTime64(6, 'UTC'),
    customer_id Int64,
    terminal_id Int64,
    amount Float64,
    currency String,
    country String,
    channel String,
    latitude Float64,
    longitude Float64,
    attempts Int32,
    is_online Bool,
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_time DateTime64(3, 'UTC')
)
engine = MergeTree
order by (kafka_partition, kafka_offset);

-- Where what cannot be decoded lands: in the mode `stream` such a message is a row with its error.
create table dead_letters (
    kafka_partition Int32,
    kafka_offset Int64,
    reason String,
    raw String
)
engine = MergeTree
order by (kafka_partition, kafka_offset);

create table queue (
    transaction_id Int64,
    at DateTime64(6, 'UTC'),
    customer_id Int64,
    terminal_id Int64,
    amount Float64,
    currency String,
    country String,
    channel String,
    latitude Float64,
    longitude Float64,
    attempts Int32,
    is_online Bool
)
engine = Kafka
settings
    kafka_broker_list = '{bootstrap}',
    kafka_topic_list = '{topic}',
    kafka_group_name = '{group}',
    kafka_format = 'JSONEachRow',
    -- Rows are visible after so long at most, as they are in the other peers.
    kafka_flush_interval_ms = 2000,
    kafka_num_consumers = 2,
    kafka_thread_per_consumer = 1,
    kafka_handle_error_mode = 'stream',
    date_time_input_format = 'best_effort';

create materialized view to_dead_letters to dead_letters as
select
    _partition as kafka_partition,
    _offset as kafka_offset,
    _error as reason,
    _raw_message as raw
from queue
where _error != '';

-- The first row lands after this.
create materialized view to_payments to payments as
select
    transaction_id,
    at,
    customer_id,
    terminal_id,
    amount,
    currency,
    country,
    channel,
    latitude,
    longitude,
    attempts,
    is_online,
    _partition as kafka_partition,
    _offset as kafka_offset,
    _timestamp_ms as kafka_time
from queue
where _error = '';
