#!/usr/bin/env bash
# Kafka into Delta by tidemill and by what a user would write in Python, from one Apache Kafka, on the same records, one after
# the other; and the limits of both: consuming alone, consuming and decoding.
# usage: benches/ingest/beside_peers.sh   (ROWS=… for other than a million; PROFILE=dev to measure the build of `make test`)
set -euo pipefail

cd "$(dirname "$0")/../.."
if [ -z "${KAFKA_BOOTSTRAP:-}" ]; then
  exec tests/servers/kafka.sh run -- "$0"
fi
export ROWS=${ROWS:-1000000}
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
# The figures of each way of writing; the peers read the JSON.
for format in ${FORMATS:-json broken avro confluent}; do
  export FORMAT=$format TOPIC=payments-$format
  if [ "$format" = confluent ]; then
    if [ -z "${SCHEMA_REGISTRY_URL:-}" ]; then
      registry=$(mktemp -d)
      trap 'tests/servers/registry.sh stop "$registry"; rm -rf "$registry"' EXIT
      SCHEMA_REGISTRY_URL=$(tests/servers/registry.sh start "$registry" | sed -n 's/^SCHEMA_REGISTRY_URL=//p')
      export SCHEMA_REGISTRY_URL
    fi
    schema=$(SCHEMA=1 ingest | python3 -c 'import json, sys; print(json.dumps({"schema": sys.stdin.read().strip()}))')
    SCHEMA_ID=$(curl -sS --fail -X POST "$SCHEMA_REGISTRY_URL/subjects/payments-value/versions" \
      -H 'Content-Type: application/vnd.schemaregistry.v1+json' -d "$schema" | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    export SCHEMA_ID
  fi
  echo
  PRODUCE=1 ingest
  ingest
done
echo
[[ ${PEERS:-1} = 1 && " ${FORMATS:-json} " = *" json "* ]] || exit 0
"$venv/bin/python" benches/ingest/peers.py payments-json "$ROWS"
# Not every version of delta-spark on PyPI has its jars on Maven Central; this one has.
if command -v java >/dev/null && "$venv/bin/pip" -q install pyspark 'delta-spark==4.4.0'; then
  "$venv/bin/python" benches/ingest/spark.py payments-json "$ROWS" 2>"${SPARK_LOG:-/dev/null}" || echo "Spark could not be run (SPARK_LOG=FILE keeps what it said)"
else
  echo "Spark could not be had: it needs java, and pyspark and delta-spark from PyPI"
fi
