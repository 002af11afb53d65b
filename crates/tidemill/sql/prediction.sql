-- One prediction of a stream by its id. The stream and all of its columns are put in where braces stand.
select {columns}
from {stream}
where prediction_id = $id
limit 1
