#!/usr/bin/env bash
# Kafka into Delta by tidemill and by what a user would take instead, from one Apache Kafka, on the same records, one after
# the other: Python, Spark, Flink into Parquet, ClickHouse into its own table, Kafka Connect into Iceberg; and the limits of
# tidemill and Python: consuming alone, consuming and decoding. A peer that cannot be had is left out, with a line that says so.
# usage: benches/ingest/beside_peers.sh   (ROWS=… for other than two million; PROFILE=dev to measure the build of `make test`;
#   PEERS=0 for tidemill alone, PEERS_LOG=FILE keeps what the peers of a JVM said)
set -euo pipefail

cd "$(dirname "$0")/../.."
if [ -z "${KAFKA_BOOTSTRAP:-}" ]; then
  exec tests/servers/kafka.sh run -- "$0"
fi
export ROWS=${ROWS:-2000000}
profile=${PROFILE:-bench}
cache=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/bench
venv=$cache/python
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
  if [ "$format" = json ]; then
    echo "from sending a record until a batch stage sees its row"
    MEASURE=seen ingest
  fi
done
echo
[[ ${PEERS:-1} = 1 && " ${FORMATS:-json} " = *" json "* ]] || exit 0
log=${PEERS_LOG:-/dev/null}
seconds_max=${PEER_SECONDS_MAX:-900}
"$venv/bin/python" benches/ingest/peers.py payments-json "$ROWS"
# Not every version of delta-spark on PyPI has its jars on Maven Central; this one has.
if command -v java >/dev/null && "$venv/bin/pip" -q install pyspark 'delta-spark==4.4.0'; then
  "$venv/bin/python" benches/ingest/spark.py payments-json "$ROWS" 2>>"$log" || echo "Spark could not be run (PEERS_LOG=FILE keeps what it said)"
else
  echo "Spark could not be had: it needs java, and pyspark and delta-spark from PyPI"
fi

# The jars that a pom names, in a folder of the cache; fetched once, and anew when the pom has changed.
jars() {
  local pom=benches/ingest/$1/pom.xml libs=$cache/$1
  mkdir -p "$libs"
  # Two that need it at once fetch it once.
  (
    flock 8
    cmp -s "$pom" "$libs/pom.xml" && exit 0
    rm -f "$libs"/*.jar
    mvn -q -B -Dstyle.color=never -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$libs" >>"$log" 2>&1 && cp "$pom" "$libs/pom.xml"
  ) 8>"$cache/$1.lock" && echo "$libs"
}
# A program in one Java file: what it measures begins after the JVM and the compiler are done.
peer_in_java() {
  local name=$1 folder=$2 program=$3 libs data
  if ! command -v mvn >/dev/null || ! java --list-modules 2>/dev/null | grep '^jdk.compiler' >/dev/null ||
    ! libs=$(jars "$folder"); then
    echo "$name could not be had: it needs a JDK of 17 or newer, mvn, and its jars from Maven Central"
    return
  fi
  data=$(mktemp -d)
  timeout "$seconds_max" java -Xmx3g -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$libs/*" "benches/ingest/$folder/$program" \
    payments-json "$ROWS" "$data" 2>>"$log" || echo "$name could not be run (PEERS_LOG=FILE keeps what it said)"
  rm -rf "$data"
}
peer_in_java Flink flink Flink.java

# The newest of ClickHouse on PyPI with which tables of Kafka can be made: in later ones the engine has no threads.
clickhouse=$cache/clickhouse chdb=chdb-core==26.1.0
(
  flock 8
  cmp -s <(echo "$chdb") "$clickhouse/installed" && exit 0
  python3 -m venv --clear "$clickhouse" && "$clickhouse/bin/pip" -q install "$chdb" && echo "$chdb" >"$clickhouse/installed"
) 8>"$cache/clickhouse.lock" >>"$log" 2>&1 && ready=1 || ready=0
if [ "$ready" = 1 ]; then
  timeout "$seconds_max" "$clickhouse/bin/python" benches/ingest/clickhouse/clickhouse.py payments-json "$ROWS" 2>>"$log" ||
    echo "ClickHouse could not be run (PEERS_LOG=FILE keeps what it said)"
else
  echo "ClickHouse could not be had: it needs $chdb from PyPI"
fi

peer_in_java "Kafka Connect" connect Connect.java
