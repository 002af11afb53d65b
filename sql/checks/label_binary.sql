-- check: label_binary
-- kind: row
-- on: labels
-- severity: fail
--
-- A payment is fraud or it is not.

TX_FRAUD in (0, 1)
