-- trigger: first_model
-- kind: data
-- model: fraud
-- cooldown: 1d
--
-- Nothing serves yet, and there are labels of four whole weeks: a week to learn from, a week until its labels are known, a
-- week to be judged on, and again a week for the labels of that. The version that passes its gate is deployed. Whoever wants
-- to choose the first version by hand removes this file.

select
    min(_tm_kafka_time) as first_label,
    count(*) as labels
from labels
where $champion = 0
having min(_tm_kafka_time) <= $now - interval '22 days'
