#!/usr/bin/env bash
# Fifty years of weather through three policies: never train again, train on the first of every month, train when the forecasts
# have become worse. Each goes the whole way: Kafka, tables, event clock, predictions, monitors, triggers, training, promotion.
#
#   examples/weather/run.sh noaa_weather.parquet [FOLDER]
#
# FOLDER takes the three projects, for a look at them afterwards (default: a temporary folder that is removed).
# TIDEMILL names the binary (default: tidemill), PYTHON a Python that has pyarrow (default: python3), POLICIES those to run
# (default: "never monthly triggers").
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../server.sh"
python=${PYTHON:-python3}
# The last tick of the file: 605 times 30 days, of 18,159.
last_tick=${LAST_TICK:-2019-09-11}

file=${1:-}
[ -f "$file" ] || fail "usage: examples/weather/run.sh noaa_weather.parquet [FOLDER]" 2
"$python" -c 'import pyarrow.parquet' 2>/dev/null || fail "missing: pyarrow ($python -m pip install pyarrow)" 69

take_folder "${2:-}"
"$python" "$here/prepare.py" "$file" "$folder/weather.csv"

# The policy's project: this one, with other triggers.
copy() {
  local policy=$1 project=$2
  [ ! -e "$project" ] || fail "$project is there already"
  mkdir -p "$project"
  cp -R "$here/tidemill.toml" "$here/schemas" "$here/sql" "$project"
  case $policy in
    never) rm "$project/sql/triggers/forecasts_worse.sql" ;;
    monthly)
      rm "$project/sql/triggers/forecasts_worse.sql"
      cp "$here/policies/monthly.sql" "$project/sql/triggers"
      ;;
    triggers) ;;
    *) fail "no policy is called $policy" 2 ;;
  esac
}

# Sends and lands all days, then lets the event clock go through them, from the first day to the last.
play() {
  local project=$1
  "$tidemill" -p "$project" -q replay "$folder/weather.csv" --stream weather --also rainfall=day,rain@1d >"$project/replay.txt"
  start_server "$project"
  "$tidemill" -p "$project" -q clock --wait --until "$last_tick" --timeout "$clock_timeout" >"$project/clock.txt"
  "$tidemill" -p "$project" sql --format csv <"$here/report.sql" >"$project/report.csv"
  stop_server
}

columns=
for policy in ${POLICIES:-never monthly triggers}; do
  project=$folder/$policy
  copy "$policy" "$project"
  begun=$SECONDS
  play "$project"
  {
    read -r header
    IFS=, read -r days accuracy auc log_loss trainings promoted
  } <"$project/report.csv"
  if [ -z "$columns" ]; then
    columns=$header
    printf '%-9s %8s %9s %7s %9s %10s %9s %8s\n' policy days accuracy auc "log loss" trainings promoted seconds
  fi
  printf '%-9s %8s %9s %7s %9s %10s %9s %8s\n' "$policy" "$days" "$accuracy" "$auc" "$log_loss" "$trainings" "$promoted" $((SECONDS - begun))
done
