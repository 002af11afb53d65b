#!/usr/bin/env bash
# Kafka into Delta by tidemill and by what a user would write in Python, from one Apache Kafka, on the same records, one after
# the other; and the limits of both: consuming alone, consuming and decoding.
# usage: benches/ingest/beside_peers.sh   (ROWS=… for other than a million; PROFILE=dev to measure the build of `make test`)
set -euo pipefail

cd "$(dirname "$0")/../.."
if [ -z "${KAFKA_BOOTSTRAP:-}" ]; then
  exec tests/servers/kafka.sh run -- "$0"
fi
export TOPIC=payments ROWS=${ROWS:-1000000}
profile=${PROFILE:-bench}
venv=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/bench/python
if ! "$venv/bin/python" -c 'import confluent_kafka, polars, orjson, pyarrow, deltalake' 2>/dev/null; then
  command -v python3 >/dev/null || { echo "missing: python3"; exit 69; }
  python3 -m venv "$venv" || { echo "missing: python3-venv (apt-get install python3-venv)"; exit 69; }
  "$venv/bin/pip" -q install confluent-kafka polars orjson pyarrow deltalake ||
    { echo "missing: a package that pip could not install"; exit 69; }
fi
ingest() {
  # With the binary beside it the features are those of the whole workspace, and nothing heavy is built anew.
  "${CARGO:-cargo}" bench -q --profile "$profile" -p tidemill -p tidemill-ingest --bench ingest
}
PRODUCE=1 ingest
ingest
echo
"$venv/bin/python" benches/ingest/peers.py "$TOPIC" "$ROWS"
