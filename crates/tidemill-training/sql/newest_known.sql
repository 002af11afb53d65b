-- When the newest row of a stream became known; `{table}` is the stream's table.
select max(_tm_kafka_time) as newest from {table}
