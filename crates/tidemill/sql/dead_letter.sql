-- One dead letter by where it stood.
select
    stream,
    _tm_topic,
    _tm_partition,
    _tm_offset,
    _tm_kafka_time,
    stage,
    code,
    error,
    length(encode(value, 'hex')) / 2 as value_bytes,
    key,
    value,
    headers
from dead_letters
where stream = $stream and _tm_partition = $partition and _tm_offset = $offset
