-- check: amount_usual
-- kind: row
-- on: transactions
-- severity: warn
-- mostly: 0.99
--
-- Few payments are above 220; many of them mean that amounts have shifted.

TX_AMOUNT <= 220
