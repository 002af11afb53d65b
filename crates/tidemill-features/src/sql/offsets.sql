-- The Kafka offsets [start, end) behind the rows of a table that are in scope, and how many rows they are.
select
    _tm_topic,
    _tm_partition,
    min(_tm_offset) as start_offset,
    max(_tm_offset) + 1 as end_offset,
    count(*) as rows_read
from {table}
group by _tm_topic, _tm_partition
order by _tm_topic, _tm_partition
