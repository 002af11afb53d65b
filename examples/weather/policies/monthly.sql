-- trigger: monthly
-- kind: schedule
-- model: rain
-- schedule: 0 0 1 * *
--
-- Train again on the first of every month, whatever the forecasts are worth. run.sh puts it in the place of forecasts_worse.

select $champion as champion
where $champion > 0
