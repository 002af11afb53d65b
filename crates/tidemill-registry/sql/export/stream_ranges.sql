select r.public_id as run_id, s.table_name, s.topic, s.kafka_partition, s.start_offset, s.end_offset
from stream_ranges as s
join runs as r on r.run_key = s.run_key
where r.lifecycle = 'active'
order by s.run_key, s.position
limit $1
