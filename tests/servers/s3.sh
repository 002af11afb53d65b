#!/usr/bin/env bash
# A local S3 server (moto, from PyPI) on loopback, for tests: installed by pip into a cache folder.
#
#   tests/servers/s3.sh install                fetches it, once
#   tests/servers/s3.sh start [DIR]            starts one and makes the bucket `lake`; the last line is S3_ENDPOINT=http://…
#   tests/servers/s3.sh stop [DIR]             stops the one that was started in DIR
#   tests/servers/s3.sh run -- COMMAND …       starts one, runs COMMAND with S3_ENDPOINT set, stops it; exits as COMMAND
#
# It takes any key; the objects are gone when it stops. DIR holds its process id and log.
# Exits 69 with one line when something that it needs is missing.
set -euo pipefail

cache=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/servers
version=5.2.5
venv=$cache/moto-$version
ready_seconds=${S3_READY_SECONDS:-30}

missing() {
  echo "s3.sh: missing: $1" >&2
  exit 69
}

install() {
  [ -x "$venv/bin/moto_server" ] && return
  command -v python3 >/dev/null || missing "python3"
  mkdir -p "$cache"
  python3 -m venv "$venv" || missing "python3-venv (Debian: apt-get install python3-venv)"
  "$venv/bin/pip" -q install "moto[server]==$version" >&2 || missing "moto, which pip could not install"
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

start() {
  local dir=$1 port waited=0
  install
  mkdir -p "$dir"
  port=$(free_port)
  # Its own session: a Ctrl-C meant for the tests does not kill it before they are done with it.
  setsid "$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$dir/server.out" 2>&1 </dev/null &
  echo "$!" >"$dir/pid"
  # Ready is a server that has made the bucket.
  until "$venv/bin/python" - "$port" 2>"$dir/ready.out" <<'PYTHON'
import sys, urllib.request
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/lake", method="PUT")
urllib.request.urlopen(request, timeout=5).read()
PYTHON
  do
    waited=$((waited + 1))
    if ! kill -0 "$(cat "$dir/pid")" 2>/dev/null || [ "$waited" -ge "$((ready_seconds * 2))" ]; then
      tail -n 5 "$dir/server.out" "$dir/ready.out" >&2
      stop "$dir"
      return 1
    fi
    sleep 0.5
  done
  echo "http://127.0.0.1:$port" >"$dir/address"
}

stop() {
  local dir=$1 pid
  [ -e "$dir/pid" ] || return 0
  pid=$(cat "$dir/pid")
  # The process id may belong to another process by now: ours is a moto_server.
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF moto_server; then
    kill "$pid" 2>/dev/null || true
  fi
  rm -f "$dir/pid" "$dir/address"
}

verb=${1:-help}
dir=${2:-$cache/s3/default}
case $verb in
  install) install ;;
  start)
    start "$dir"
    echo "S3_ENDPOINT=$(cat "$dir/address")"
    ;;
  stop) stop "$dir" ;;
  run)
    [ "${2:-}" = "--" ] && [ "$#" -gt 2 ] || { echo "s3.sh: write run -- COMMAND" >&2; exit 64; }
    shift 2
    run_dir=$(mktemp -d "${TMPDIR:-/tmp}/s3-run.XXXXXX")
    trap 'stop "$run_dir"; rm -rf "$run_dir"' EXIT
    start "$run_dir"
    status=0
    S3_ENDPOINT=$(cat "$run_dir/address") "$@" || status=$?
    exit "$status"
    ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "$verb" = help ] || exit 64
    ;;
esac
