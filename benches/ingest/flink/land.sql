insert into landed
select
    transaction_id,
    `at`,
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
    kafka_partition,
    kafka_offset,
    kafka_time
from payments
