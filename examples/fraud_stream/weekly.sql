-- trigger: weekly
-- kind: schedule
-- model: fraud
-- schedule: 0 0 * * 1
--
-- Every Monday, as soon as a version serves. run.sh puts it in the place of the triggers that look at drift and performance.

select $champion as champion
where $champion > 0
