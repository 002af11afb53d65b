select e.root, e.path, e.hash as sha256, b.byte_count, e.created_at
from artifact_entries as e
join blobs as b on b.hash = e.hash
order by e.root, e.path
limit $1
