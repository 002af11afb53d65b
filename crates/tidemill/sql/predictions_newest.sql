-- Predictions of one stream, the newest first; a text that is empty asks for all. The stream, all of its columns and the
-- limit are put in where braces stand.
select {columns}
from {stream}
where ($deployment = '' or deployment = $deployment)
    and ($source = '' or source = $source)
order by scored_at desc, event_time desc, prediction_id
limit {limit}
