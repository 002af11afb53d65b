#!/usr/bin/env bash
# kcat (librdkafka) against a broker: produce and consume with every compression, offsets by time, groups, an idempotent producer.
# usage: tests/clients/kcat.sh BOOTSTRAP
set -euo pipefail

bootstrap=${1:?usage: kcat.sh BOOTSTRAP}
command -v kcat >/dev/null || { echo "missing: kcat (apt-get install kcat)"; exit 1; }
topic=kcat-$$-$RANDOM
records=20000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Client messages come on standard error; they are shown only when something fails.
run() { timeout 60 kcat -b "$bootstrap" "$@" 2>>"$work/log"; }
fail() { echo "FAILED: $1"; cat "$work/log"; exit 1; }

seq 1 $records >"$work/sent"
for codec in none gzip snappy lz4 zstd; do
    run -P -t "$topic-$codec" -z $codec -X acks=all <"$work/sent" || fail "produce with $codec"
    run -C -t "$topic-$codec" -e -q -o beginning >"$work/got" || fail "consume with $codec"
    cmp -s "$work/sent" "$work/got" || fail "with $codec other records came back than were sent"
    echo "ok: $records records with $codec come back as they were sent"
done

end=$(run -Q -t "$topic-gzip:0:-1" | awk '{print $NF}')
[ "$end" = $records ] || fail "the end of the log is $end"
last=$(run -C -t "$topic-gzip" -o $((records - 1)) -e -q -f '%T\n')
found=$(run -Q -t "$topic-gzip:0:$last" | awk '{print $NF}')
at=$(run -C -t "$topic-gzip" -o "$found" -c 1 -q -f '%T\n')
[ "$at" = "$last" ] || fail "a look-up of time $last found offset $found with time $at"
echo "ok: offsets by time, in compressed batches"

run -P -t "$topic-idempotent" -X enable.idempotence=true <"$work/sent" || fail "idempotent produce"
run -P -t "$topic-idempotent" -X acks=0 <"$work/sent" || fail "produce without acknowledgement"
run -G "$topic-group" -e -q -X auto.offset.reset=earliest "$topic-idempotent" >"$work/got" || fail "group"
cat "$work/sent" "$work/sent" | cmp -s - "$work/got" || fail "a group got $(wc -l <"$work/got") records of $((2 * records))"
run -G "$topic-group" -e -q -X auto.offset.reset=earliest "$topic-idempotent" >"$work/got" || fail "group, again"
[ ! -s "$work/got" ] || fail "a group that comes again gets $(wc -l <"$work/got") records a second time"
echo "ok: an idempotent producer, one without acknowledgements, and a group that goes on where it was"
