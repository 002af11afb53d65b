-- trigger: drift
-- kind: drift
-- model: fraud
-- cooldown: 7d
-- quota: 4 per 30d
--
-- Payments or scores have drifted from what the serving version knows, and not for a day only.

with
-- What the newest runs found, of the version that serves now.
newest as (
    select monitor, at, column_name, psi
    from drift
    where
        reference_version = $champion
        and status = 'drift'
        and at > $now - interval '3 days'
        and at <= $now
)

select
    column_name,
    round(max(psi), 3) as psi,
    count(*) as runs
from newest
group by monitor, column_name
having count(*) >= 3
order by psi desc
