-- Every dead letter of `$stream`, in the order in which its records stood.
select
    _tm_partition,
    _tm_offset,
    _tm_kafka_time,
    key,
    value,
    headers
from dead_letters
where stream = $stream
order by _tm_partition, _tm_offset
