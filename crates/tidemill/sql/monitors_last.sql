-- What each monitor found the last time that it ran: the worst of its columns, or of its metrics.
with
found as (
    select monitor, at, status from drift
    union all
    select monitor, at, status from performance
),

-- Words into an order: what needs a person comes last.
graded as (
    select
        monitor,
        at,
        status,
        case status when 'drift' then 3 when 'warn' then 2 when 'too_few' then 1 else 0 end as grade
    from found
),

placed as (
    select
        monitor,
        at,
        status,
        row_number() over (partition by monitor order by at desc, grade desc) as place
    from graded
)

select monitor, at, status
from placed
where place = 1
order by monitor
