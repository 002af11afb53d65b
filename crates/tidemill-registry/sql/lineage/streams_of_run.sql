select table_name, topic, kafka_partition, start_offset, end_offset
from stream_ranges
where run_key = $1
order by position
