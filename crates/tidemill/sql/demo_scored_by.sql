-- Which version scored how much, and when.
select
    model_version as version,
    count(*) as predictions,
    min(event_time) as first,
    max(event_time) as last,
    round(avg(score), 4) as mean_score
from predictions
where source = 'stream'
group by model_version
order by model_version
