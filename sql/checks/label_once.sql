-- check: label_once
-- kind: query
-- on: labels
-- severity: fail
--
-- A payment has one label; with two it would stand in the training set twice.

select
    TRANSACTION_ID,
    count(*) as labels_of_it
from labels
group by TRANSACTION_ID
having count(*) > 1
