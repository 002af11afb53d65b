-- Dead letters of all streams, or of the one that `$stream` names, the newest first.
select
    stream,
    _tm_topic,
    _tm_partition,
    _tm_offset,
    _tm_kafka_time,
    stage,
    code,
    error,
    length(encode(value, 'hex')) / 2 as value_bytes
from dead_letters
where $stream = '' or stream = $stream
order by _tm_kafka_time desc, stream, _tm_partition, _tm_offset desc
