-- check: ids_plausible
-- kind: row
-- on: transactions
-- severity: quarantine
--
-- Test payments have negative numbers; they stay out of training.

TRANSACTION_ID >= 0 and CUSTOMER_ID >= 0 and TERMINAL_ID >= 0
