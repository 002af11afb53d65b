select table_name, delta_version, window_from, window_to, row_count
from training_inputs
where run_key = $1
order by position
