-- How many labels of {table} became known after a time.
select count(*) as labels
from {table}
where _tm_kafka_time > $since
