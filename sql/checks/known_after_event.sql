-- check: known_after_event
-- kind: row
-- on: transactions
-- severity: fail
--
-- Nothing is known before it happens: such a row would let a model see the future. Kafka counts in milliseconds.

_tm_kafka_time >= date_trunc('millisecond', TX_DATETIME)
