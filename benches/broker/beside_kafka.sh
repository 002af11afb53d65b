#!/usr/bin/env bash
# The broker's bench on our broker and on Apache Kafka, one after the other, on the same machine. Kafka runs the work twice: a
# JVM needs its first round to warm up.
# usage: benches/broker/beside_kafka.sh   (RECORDS=… for other than four million)
set -euo pipefail

cd "$(dirname "$0")/../.."
echo "== tidemill-broker"
cargo bench -q -p tidemill-broker --bench broker
dir=$(mktemp -d)
trap 'tests/servers/kafka.sh stop "$dir"; rm -rf "$dir"' EXIT
tests/servers/kafka.sh start "$dir" >/dev/null
KAFKA_PID=$(cat "$dir/pid")
KAFKA_BOOTSTRAP=$(cat "$dir/address")
export KAFKA_PID KAFKA_BOOTSTRAP
for round in first second; do
    echo "== Apache Kafka, $round round"
    cargo bench -q -p tidemill-broker --bench broker
done
