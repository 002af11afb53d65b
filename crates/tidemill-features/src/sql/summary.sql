-- One feature in figures, over the rows of its view.
with figures as (select cast({feature} as double) as x from _tm_view)

select
    count(*) as all_rows,
    count(*) - count(x) as nulls,
    avg(x) as mean,
    stddev_pop(x) as std,
    min(x) as smallest,
    median(x) as p50,
    max(x) as largest
from figures
