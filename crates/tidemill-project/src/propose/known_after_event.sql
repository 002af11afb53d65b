-- check: {check}
-- kind: row
-- on: {stream}
-- severity: warn
--
-- Nothing is known before it happens. Kafka counts in milliseconds.

_tm_kafka_time >= date_trunc('millisecond', {time})
