select path, hash from artifact_entries where root = $1 order by path limit $2
