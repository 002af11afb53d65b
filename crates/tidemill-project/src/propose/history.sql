-- feature view: {view}
-- entity: {entity}
-- key: {key}
-- event time: {time}
-- lookback: 7d
--
-- What the {entity} did in the last 7 days, this row included.

with
-- In whole seconds the open start of the window can be said exactly: 7 days are 604800 seconds.
events as (
    select
        {key},
        {time},
        {entity_column}{measure_column},
        cast(floor(extract(epoch from {time})) as bigint) as at_second
    from {stream}
)

select
    {key},
    {time},
    count(*) over last_7_days as count_7_days{mean}
from events
window
    last_7_days as (
        partition by {entity_column} order by at_second range between 604799 preceding and current row
    )
