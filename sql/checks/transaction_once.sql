-- check: transaction_once
-- kind: query
-- on: transactions
-- severity: fail
--
-- A payment comes once; twice, it would count twice in every feature.

select
    TRANSACTION_ID,
    count(*) as times
from transactions
group by TRANSACTION_ID
having count(*) > 1
