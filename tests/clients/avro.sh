#!/usr/bin/env bash
# Confluent's Avro producer (Python) through a real Apache Kafka and a real schema registry into a table of tidemill's; see
# avro_client.py for what is produced.
# usage: tests/clients/avro.sh [TIDEMILL]   (the binary; by default target/debug/tidemill)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
servers=$here/../servers
tidemill=${1:-$here/../../target/debug/tidemill}
[ -x "$tidemill" ] || { echo "missing: $tidemill (make build)"; exit 69; }
if [ -z "${KAFKA_BOOTSTRAP:-}" ]; then
  exec "$servers/kafka.sh" run -- "$0" "$tidemill"
fi
if [ -z "${SCHEMA_REGISTRY_URL:-}" ]; then
  exec "$servers/registry.sh" run -- "$0" "$tidemill"
fi
venv=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/clients/python
if ! "$venv/bin/python" -c 'import confluent_kafka.schema_registry.avro' 2>/dev/null; then
  command -v python3 >/dev/null || { echo "missing: python3"; exit 69; }
  python3 -m venv "$venv" || { echo "missing: python3-venv (apt-get install python3-venv)"; exit 69; }
  "$venv/bin/pip" -q install 'confluent-kafka[avro,schemaregistry]' || { echo "missing: confluent-kafka[avro]"; exit 69; }
fi

project=$(mktemp -d)
up=
cleanup() {
  [ -z "$up" ] || kill "$up" 2>/dev/null || true
  [ -z "$up" ] || wait "$up" 2>/dev/null || true
  rm -rf "$project"
}
trap cleanup EXIT
mkdir "$project/schemas"
cat >"$project/schemas/payments.avsc" <<'AVSC'
{ "type": "record", "name": "payment", "fields": [
  { "name": "id", "type": "long" },
  { "name": "at", "type": { "type": "long", "logicalType": "timestamp-micros" } },
  { "name": "amount", "type": ["null", "double"], "default": null },
  { "name": "note", "type": ["null", "string"], "default": null } ] }
AVSC
cat >"$project/tidemill.toml" <<TOML
[streams.payments]
format = "confluent-avro"
key = ["id"]
event_time = "at"
partitions = 1
[kafka]
bootstrap = "$KAFKA_BOOTSTRAP"
[kafka.schema_registry]
url = "$SCHEMA_REGISTRY_URL"
[ingest]
flush_interval = "1s"
[server]
address = "127.0.0.1:0"
TOML
"$tidemill" -C "$project" up >"$project/up.out" 2>&1 &
up=$!
"$venv/bin/python" "$here/avro_client.py" "$KAFKA_BOOTSTRAP" "$SCHEMA_REGISTRY_URL" payments
ask() { "$tidemill" -C "$project" sql --format csv "$1" 2>>"$project/sql.out" || true; }
expect() {
  local query=$1 wanted=$2 found=
  for _ in $(seq 120); do
    found=$(ask "$query" | tail -n 1)
    [ "$found" = "$wanted" ] && { echo "ok: $query: $found"; return; }
    sleep 0.5
  done
  echo "wrong: $query: $found, not $wanted"
  tail -n 20 "$project/up.out" "$project/sql.out"
  exit 1
}
# 1,000 rows of each of two writers' schemas, two records of an unknown schema and one without a frame.
expect "select count(*), count(distinct id), count(note) from payments" "2000,2000,1000"
expect "select sum(amount) from payments" "1999000.0"
expect "select min(at) = '2024-01-01T00:00:00Z' from payments" "true"
expect "select count(*) from payments_dead_letters where code = 'unknown_schema'" "2"
expect "select count(*) from payments_dead_letters where code = 'bad_frame'" "1"
