insert into stream_ranges (run_key, position, table_name, topic, kafka_partition, start_offset, end_offset)
values /* rows */
