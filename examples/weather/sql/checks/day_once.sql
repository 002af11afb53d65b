-- check: day_once
-- kind: query
-- on: weather
--
-- A day that is there twice would count twice.

select day, count(*) as times from weather group by day having count(*) > 1
