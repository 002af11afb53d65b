select byte_count from blobs where hash = $1
