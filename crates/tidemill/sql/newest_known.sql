-- When the newest record of a stream was known. The stream is put in where braces stand.
select max(_tm_kafka_time) as known
from {stream}
