#!/usr/bin/env bash
# The demo, once in one go and once killed with SIGKILL at random moments and started again in the same folder: both must end
# with the same digest of their closing tables.
#
#   tests/kill_demo.sh [KILLS] [SEED] [-- OPTIONS OF THE DEMO]
#
# TIDEMILL names the binary; by default the one that `make build` leaves.
set -euo pipefail

kills=10
seed=$RANDOM
if [[ ${1:-} =~ ^[0-9]+$ ]]; then kills=$1; shift; fi
if [[ ${1:-} =~ ^[0-9]+$ ]]; then seed=$1; shift; fi
if [[ ${1:-} == -- ]]; then shift; fi
root=$(cd "$(dirname "$0")/.." && pwd)
tidemill=${TIDEMILL:-${CARGO_TARGET_DIR:-$root/target}/debug/tidemill}
# What is for tests is no setting, and would be refused as one.
unset TIDEMILL_TEST_KAFKA TIDEMILL_TEST_CLIENTS
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
RANDOM=$seed
echo "seed $seed, $kills kills"

digest() { sed -n 's/.*the same in each run of this demo: //p' "$1"; }

began=$SECONDS
"$tidemill" demo --dir "$folder/plain" "$@" >"$folder/plain.log"
took=$((SECONDS - began))
expected=$(digest "$folder/plain.log")
[[ -n $expected ]] || { echo "the demo told no digest"; tail -20 "$folder/plain.log"; exit 1; }
echo "in one go: $took s, digest $expected"

# Each life gets up to twice its share of the whole, so that the deaths fall everywhere and the work goes on.
most=$((2 * took * 1000 / (kills + 1) + 1))
# A life that comes to its end was not killed: another one is tried, in the same folder, which must then change nothing.
killed=0
for life in $(seq 1 "$((kills * 3))"); do
    [[ $killed -lt $kills ]] || break
    # 30 bits of randomness, in milliseconds.
    wait_ms=$(((RANDOM << 15 | RANDOM) % most))
    "$tidemill" demo --dir "$folder/killed" "$@" >"$folder/killed.$life.log" 2>&1 &
    pid=$!
    sleep "$((wait_ms / 1000)).$(printf '%03d' $((wait_ms % 1000)))"
    if kill -KILL "$pid" 2>/dev/null; then
        wait "$pid" 2>/dev/null || true
        killed=$((killed + 1))
        chapter=$(grep -E '^[0-9]+\. ' "$folder/killed.$life.log" | tail -1 || true)
        echo "killed after $wait_ms ms, in: ${chapter:-the beginning}"
    else
        wait "$pid" || { echo "life $life failed by itself"; tail -20 "$folder/killed.$life.log"; exit 1; }
        echo "life $life came to its end before $wait_ms ms; the next ones get less time"
        most=$((most / 4 + 1))
    fi
done

"$tidemill" demo --dir "$folder/killed" "$@" >"$folder/killed.log" || { tail -20 "$folder/killed.log"; exit 1; }
found=$(digest "$folder/killed.log")
if [[ $found != "$expected" ]]; then
    echo "NOT THE SAME: $found after $killed kills, $expected in one go"
    exit 1
fi
echo "the same digest after $killed kills: $found"
[[ $killed -ge $kills ]] || { echo "only $killed of $kills: the lives were too long; another seed, or more kills"; exit 1; }
