-- What registered versions were made from, by their first run or by one that came to the same bytes.
with pinning_runs as (
    select run_key from version_runs
    union
    select run_key from model_versions where run_key is not null
)
select distinct t.table_name, t.delta_version
from training_inputs as t
join pinning_runs as p on p.run_key = t.run_key
order by t.table_name, t.delta_version
