select
    r.public_id as run_id, t.table_name, t.delta_version, l.feature_hash, t.window_from, t.window_to, t.row_count
from training_inputs as t
join run_lineage as l on l.run_key = t.run_key
join runs as r on r.run_key = t.run_key
where r.lifecycle = 'active'
order by t.run_key, t.position
limit $1
