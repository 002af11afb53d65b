-- check: risk_is_share
-- kind: row
-- on: terminal_risk
-- severity: fail
--
-- Risks are shares of payments, so they lie between 0 and 1.

TERMINAL_ID_RISK_1DAY_WINDOW between 0 and 1
and TERMINAL_ID_RISK_7DAY_WINDOW between 0 and 1
and TERMINAL_ID_RISK_30DAY_WINDOW between 0 and 1
