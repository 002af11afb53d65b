-- check: rain_binary
-- kind: row
-- on: rainfall
--
-- It rained or it did not.

rain in (0, 1)
