# shellcheck shell=bash
# What the scripts of the examples share, and read with `.`: a folder for what they make, and `tidemill up` in the background until
# it answers; both end with the script. TIDEMILL names the binary (default: tidemill).

tidemill=${TIDEMILL:-tidemill}
ready_seconds=${READY_SECONDS:-60}
clock_timeout=${CLOCK_TIMEOUT:-4h}
server=

fail() {
  echo "$(basename "$0"): $1" >&2
  exit "${2:-1}"
}

# Sets `folder`: the one that is named, or a temporary one that is removed.
take_folder() {
  command -v "$tidemill" >/dev/null || fail "missing: $tidemill (TIDEMILL names it)" 69
  keep=${1:-}
  folder=${keep:-$(mktemp -d)}
  mkdir -p "$folder"
  trap finish EXIT
}

finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  wait
  [ -n "$keep" ] || rm -rf "$folder"
}

start_server() {
  local project=$1 waited=0
  "$tidemill" -p "$project" --json up >"$project/up.json" 2>"$project/up.log" &
  server=$!
  until grep -qs address "$project/up.json"; do
    kill -0 "$server" 2>/dev/null || fail "it did not start: $(cat "$project/up.log")"
    [ "$waited" -lt $((ready_seconds * 5)) ] || fail "it was not up after $ready_seconds s"
    sleep 0.2
    waited=$((waited + 1))
  done
}

stop_server() {
  kill "$server"
  wait "$server"
  server=
}
