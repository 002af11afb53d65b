#!/usr/bin/env bash
# Two processes land one topic in the same Delta tables and keep dying: in each round one of them is killed with SIGKILL, or stopped
# with SIGSTOP for a while and let go again, so that it wakes up with a view of the table that is long past. In the middle the
# broker dies too. At the end the audit must find every record once, in a table or among the dead letters.
#
#   tests/kill_ingest.sh [ROUNDS] [SEED]
#
# Against Apache Kafka (tests/servers/kafka.sh), or with BROKER=embedded against `tidemill broker`. TIDEMILL names the binary; by
# default the one that `make build` leaves. DAYS of payments are sent meanwhile (default 20, of 500 customers).
#
# With ASSIGNMENT=group the two share six partitions of each stream as named members of consumer groups, and a third worker
# without a name joins and leaves all the time, by its own will or by SIGKILL: a rebalance every few seconds.
set -euo pipefail

rounds=${1:-200}
seed=${2:-$RANDOM}
root=$(cd "$(dirname "$0")/.." && pwd)
tidemill=${TIDEMILL:-${CARGO_TARGET_DIR:-$root/target}/debug/tidemill}
broker=${BROKER:-kafka}
days=${DAYS:-20}
assignment=${ASSIGNMENT:-all}
command -v python3 >/dev/null || { echo "missing: python3"; exit 69; }
folder=$(mktemp -d)
pids=()
broker_pid=
sender=
guest=
cleanup() {
    local pid
    [[ -z $guest ]] || kill "$guest" 2>/dev/null || true
    for pid in "${pids[@]}" $broker_pid $sender $(cat "$folder/guest.pid" 2>/dev/null); do
        kill -CONT "$pid" 2>/dev/null || true
        kill -9 "$pid" 2>/dev/null || true
    done
    [[ $broker != kafka ]] || "$root/tests/servers/kafka.sh" stop "$folder/kafka" || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
RANDOM=$seed
# What is for tests is no setting, and would be refused as one.
unset TIDEMILL_TEST_KAFKA TIDEMILL_TEST_CLIENTS
echo "seed $seed, $rounds rounds, $broker, assignment = $assignment"

# The broker, and how it dies.
start_embedded() {
    "$tidemill" -p "$folder/broker" --json broker --set broker.port="${port:-0}" >"$folder/broker.json" 2>>"$folder/broker.log" &
    broker_pid=$!
    until grep -qs '"bootstrap"' "$folder/broker.json"; do
        kill -0 "$broker_pid" || { cat "$folder/broker.log"; exit 1; }
        sleep 0.1
    done
    bootstrap=$(sed -n 's/.*"bootstrap": *"\([^"]*\)".*/\1/p' "$folder/broker.json")
    port=${bootstrap##*:}
}
case $broker in
    kafka) bootstrap=$("$root/tests/servers/kafka.sh" start "$folder/kafka" | sed -n 's/^KAFKA_BOOTSTRAP=//p') ;;
    embedded)
        "$tidemill" -q init "$folder/broker" >/dev/null
        start_embedded
        ;;
    *) echo "BROKER is kafka or embedded"; exit 2 ;;
esac
restart_broker() {
    case $broker in
        kafka) "$root/tests/servers/kafka.sh" restart "$folder/kafka" ;;
        embedded)
            kill -9 "$broker_pid"
            wait "$broker_pid" 2>/dev/null || true
            rm "$folder/broker.json"
            start_embedded
            ;;
    esac
}

# Two projects of one name are one pipeline: the same fences on the same tables. Small commits make many chances to die in one.
export TIDEMILL_KAFKA__BOOTSTRAP=$bootstrap TIDEMILL_STORAGE__LAKE="file://$folder/lake" TIDEMILL_CLOCK__RUN=false
export TIDEMILL_SERVER__ADDRESS=127.0.0.1:0 TIDEMILL_INGEST__FLUSH_ROWS=300 TIDEMILL_INGEST__FLUSH_INTERVAL=200ms
for one in 0 1 2; do "$tidemill" -q init "$folder/$one/fraud" >/dev/null; done
shared=()
if [[ $assignment = group ]]; then
    export TIDEMILL_INGEST__ASSIGNMENT=group TIDEMILL_KAFKA__PROPERTIES='{ "session.timeout.ms" = "6000", "heartbeat.interval.ms" = "500" }'
    shared=(--set streams.transactions.partitions=6 --set streams.labels.partitions=6)
fi
start() {
    local worker=()
    [[ $assignment != group ]] || worker=(--set "ingest.worker=w$1")
    "$tidemill" -p "$folder/$1/fraud" "${shared[@]}" "${worker[@]}" --json up >"$folder/$1/up.json" 2>>"$folder/$1/up.log" &
    pids[$1]=$!
}
start 0
start 1
# Joins and leaves until it is told to end. Its random numbers are its own, so that those of the rounds stay the same.
come_and_go() {
    local pid turns=0
    RANDOM=$((seed + 1))
    trap 'touch "$folder/guest.end"' TERM
    while [[ ! -e $folder/guest.end ]]; do
        "$tidemill" -p "$folder/2/fraud" "${shared[@]}" --json up >"$folder/2/up.json" 2>>"$folder/2/up.log" &
        pid=$!
        echo "$pid" >"$folder/guest.pid"
        sleep "$((1 + RANDOM % 4)).$((RANDOM % 10))"
        if ((RANDOM % 3)); then kill "$pid"; else kill -9 "$pid"; fi 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        turns=$((turns + 1))
        echo "$turns" >"$folder/guest.turns"
        sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    done
}
if [[ $assignment = group ]]; then
    come_and_go &
    guest=$!
fi

# Sends slowly enough that there is something to land in every round.
sent=(-p "$folder/0/fraud" -q simulate --no-wait --days "$days" --customers 500 --terminals 1000)
"$tidemill" "${sent[@]}" --speed "$((days * 86400 / (rounds / 2 + 10)))" >>"$folder/simulate.txt" 2>>"$folder/simulate.log" &
sender=$!

kills=0 stops=0
for round in $(seq 1 "$rounds"); do
    one=$((RANDOM % 2))
    wait_ms=$((RANDOM % 1200))
    sleep "$((wait_ms / 1000)).$(printf '%03d' $((wait_ms % 1000)))"
    if ! kill -0 "${pids[$one]}" 2>/dev/null; then
        # A process may end by itself where the broker was away for too long, and it must say so.
        tail -n 3 "$folder/$one/up.log"
        start "$one"
    elif ((RANDOM % 4)); then
        kill -9 "${pids[$one]}"
        wait "${pids[$one]}" 2>/dev/null || true
        kills=$((kills + 1))
        start "$one"
    else
        kill -STOP "${pids[$one]}"
        wait_ms=$((RANDOM % 2500))
        sleep "$((wait_ms / 1000)).$(printf '%03d' $((wait_ms % 1000)))"
        kill -CONT "${pids[$one]}"
        stops=$((stops + 1))
    fi
    if ((round == rounds / 2)); then
        restart_broker
        echo "the broker was killed and came back in round $round"
    fi
done
# The sender may have died with the broker; it goes on after the last record that is in the topic.
wait "$sender" || true
sender=
"$tidemill" "${sent[@]}" >>"$folder/simulate.txt" 2>>"$folder/simulate.log"
echo "$kills kills, $stops stops"

if [[ -n $guest ]]; then
    touch "$folder/guest.end"
    wait "$guest" || true
    guest=
    rm "$folder/guest.pid"
    echo "a third worker joined and left $(cat "$folder/guest.turns") times"
fi

# What is left lands, by two processes that live. In a group each reads some of the partitions, and together they read all.
for one in 0 1; do
    kill -0 "${pids[$one]}" 2>/dev/null || start "$one"
done
caught_up() {
    { for one in 0 1; do "$tidemill" -p "$folder/$one/fraud" status --json 2>/dev/null || return 1; done } | python3 -c "
import json, sys
text, read, parts = sys.stdin.read(), json.JSONDecoder(), set()
while text.strip():
    status, end = read.raw_decode(text.lstrip())
    text = text.lstrip()[end:]
    stream = [s for s in status['streams'] if s['stream'] == '$1'][0]
    if stream['lag_rows'] != 0 or stream['state'] != 'running':
        sys.exit(1)
    parts |= {p['partition'] for p in stream['partitions']}
sys.exit(len(parts) < (6 if '$assignment' == 'group' else 1))"
}
for stream in transactions labels; do
    waited=0
    until caught_up "$stream"; do
        waited=$((waited + 1))
        ((waited < 600)) || { echo "$stream did not catch up"; tail -n 5 "$folder"/[01]/up.log; exit 1; }
        sleep 0.5
    done
done
failed=0
for stream in transactions labels; do
    "$tidemill" -p "$folder/0/fraud" ingest audit "$stream" || failed=1
done
"$tidemill" -p "$folder/0/fraud" sql "select (select count(*) from transactions) as payments, (select count(distinct TRANSACTION_ID) from transactions) as distinct_payments, (select count(*) from labels) as labels"
if ((failed)); then
    echo "NOT CLEAN after seed $seed"
    exit 1
fi
echo "clean after $kills kills, $stops stops and a dead broker"
