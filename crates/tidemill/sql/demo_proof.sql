-- Every (partition, offset) of each stream is there once, and none is missing between the first and the last.
with
placed as (
    select 'transactions' as stream, _tm_partition, _tm_offset from transactions
    union all
    select 'labels' as stream, _tm_partition, _tm_offset from labels
),

by_partition as (
    select
        stream,
        _tm_partition,
        count(*) as landed_rows,
        count(distinct _tm_offset) as offsets,
        max(_tm_offset) - min(_tm_offset) + 1 as span
    from placed
    group by stream, _tm_partition
)

select
    stream,
    count(*) as partitions,
    sum(landed_rows) as landed_rows,
    sum(landed_rows - offsets) as twice,
    sum(span - offsets) as missing
from by_partition
group by stream
order by stream desc
