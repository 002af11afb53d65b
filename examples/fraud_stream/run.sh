#!/usr/bin/env bash
# Half a year of card payments through the flagship project at full speed, with a training every Monday: what each week's
# predictions were worth, whether any is missing, and where the time went.
#
#   examples/fraud_stream/run.sh fraud_transactions.parquet [FOLDER]
#
# The file has the columns of schemas/transactions.avsc and TX_FRAUD, in the order of TX_DATETIME; a label is known seven days after
# its payment. FOLDER takes the project, for a look at it afterwards (default: a temporary folder that is removed).
# TIDEMILL names the binary (default: tidemill).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../server.sh"

file=${1:-}
[ -f "$file" ] || fail "usage: examples/fraud_stream/run.sh fraud_transactions.parquet [FOLDER]" 2
take_folder "${2:-}"
project=$folder/fraud
[ ! -e "$project" ] || fail "$project is there already"
"$tidemill" -q init "$project" >/dev/null
rm "$project/sql/triggers/drift.sql" "$project/sql/triggers/performance_drop.sql"
cp "$here/weekly.sql" "$project/sql/triggers"
export TIDEMILL_SERVER__ADDRESS=127.0.0.1:0 TIDEMILL_BROKER__PORT=0
"$tidemill" -p "$project" validate >/dev/null

# Everything runs in the server: what it used of the CPU is in its process.
cpu_seconds() {
  local fields
  fields=$(sed 's/.*) //' "/proc/$server/stat")
  set -- $fields
  echo $(((${12} + ${13}) / $(getconf CLK_TCK)))
}

start_server "$project"
begun=$SECONDS
"$tidemill" -p "$project" -q replay "$file" --stream transactions --also labels=TRANSACTION_ID,TX_FRAUD@7d >"$folder/replay.txt"
landed=$((SECONDS - begun))
"$tidemill" -p "$project" -q clock --wait --timeout "$clock_timeout" >"$folder/clock.txt"
took=$((SECONDS - begun))
cpu=$(cpu_seconds)

"$tidemill" -p "$project" sql --rows 100 <"$here/by_week.sql"
echo
"$tidemill" -p "$project" sql <"$here/counts.sql"
echo
"$tidemill" -p "$project" triggers history --limit 100
echo
cat "$folder/clock.txt"
echo
echo "all payments and labels were sent and had landed after $landed s; all ticks were through after $took s"
echo "the server used $cpu CPU seconds, $(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$server/status") MiB of memory at most"
