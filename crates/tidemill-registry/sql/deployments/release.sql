select release_key
from releases
where version_key = $1 and features_hash = $2 and thresholds = $3 and schema_hash = $4
