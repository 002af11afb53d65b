-- check: amount_finite
-- kind: row
-- on: transactions
-- severity: fail
--
-- An amount is a number, zero or above.

TX_AMOUNT >= 0 and TX_AMOUNT < cast('infinity' as double)
