-- trigger: first_model
-- kind: data
-- model: rain
--
-- As long as nothing serves: once enough days are known for five years of training and a year of evaluation.

select count(*) as known_days
from rainfall
where $champion = 0
having count(*) >= 2200
