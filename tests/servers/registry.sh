#!/usr/bin/env bash
# A real schema registry on loopback, for tests: Apicurio, which speaks Confluent's API, from Maven Central.
#
#   tests/servers/registry.sh install              fetches it (109 MB, once)
#   tests/servers/registry.sh start [DIR]          starts one; the last line is SCHEMA_REGISTRY_URL=http://127.0.0.1:PORT/…
#   tests/servers/registry.sh stop [DIR]           stops the one that was started in DIR; what it held is gone
#   tests/servers/registry.sh run -- COMMAND …     starts one, runs COMMAND with SCHEMA_REGISTRY_URL set, stops it; exits as COMMAND
#
# DIR holds the process id and the output (default: registry/default in the cache folder); `run` makes one of its own.
# Exits 69 with one line when something that it needs is missing.
set -euo pipefail

cache=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/servers
# Newer ones want Java 21.
version=3.0.9
home=$cache/apicurio-$version
heap=${REGISTRY_HEAP:-512m}
ready_seconds=${REGISTRY_READY_SECONDS:-90}

missing() {
  echo "registry.sh: missing: $1" >&2
  exit 69
}

install() {
  [ -e "$home/.complete" ] && return
  command -v java >/dev/null || missing "java 17 or newer (Debian: apt-get install default-jre-headless)"
  command -v mvn >/dev/null || missing "mvn (Debian: apt-get install maven)"
  command -v curl >/dev/null || missing "curl (Debian: apt-get install curl)"
  command -v flock >/dev/null || missing "flock (Debian: apt-get install util-linux)"
  mkdir -p "$home"
  exec 8>"$cache/registry-install.lock"
  flock 8
  if [ ! -e "$home/.complete" ]; then
    echo "registry.sh: fetching Apicurio Registry $version into $home" >&2
    (cd "$home" && mvn -q -B -Dstyle.color=never dependency:copy -DoutputDirectory="$home" \
      -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" >&2) ||
      missing "Apicurio Registry $version: Maven Central cannot be reached"
    tar -xzf "$home"/apicurio-registry-app-*.tar.gz -C "$home"
    rm -f "$home"/apicurio-registry-app-*.tar.gz
    touch "$home/.complete"
  fi
  exec 8>&-
}

# A port that nobody listens on. Another process can still take it first: start tries again then.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

start_once() {
  local dir=$1 port jar pid waited=0
  port=$(free_port)
  jar=$(find "$home" -name 'apicurio-registry-app-*-runner.jar' | head -n 1)
  [ -n "$jar" ] || missing "the program in $home: remove that folder and install again"
  # The folder is on its command line, so that `stop` knows its own.
  (cd "$(dirname "$jar")" && exec setsid java -Xmx"$heap" -Dtidemill.dir="$dir" -Dquarkus.http.host=127.0.0.1 \
    -Dquarkus.http.port="$port" -jar "$jar" >"$dir/server.out" 2>&1 </dev/null) &
  pid=$!
  echo "$pid" >"$dir/pid"
  until curl -fsS -o /dev/null "http://127.0.0.1:$port/health/ready" 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 5 "$dir/server.out" >&2
      return 1
    fi
    waited=$((waited + 1))
    if [ "$waited" -ge "$((ready_seconds * 2))" ]; then
      echo "registry.sh: not ready after $ready_seconds s; the server said:" >&2
      tail -n 5 "$dir/server.out" >&2
      stop "$dir"
      return 1
    fi
    sleep 0.5
  done
  echo "http://127.0.0.1:$port/apis/ccompat/v7" >"$dir/address"
}

start() {
  local dir=$1
  install
  if [ -e "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
    return
  fi
  mkdir -p "$dir"
  start_once "$dir" || start_once "$dir"
}

stop() {
  local dir=$1 pid
  [ -e "$dir/pid" ] || return 0
  pid=$(cat "$dir/pid")
  # The process id may belong to another process by now: ours has its folder on its command line.
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "-Dtidemill.dir=$dir "; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$dir/pid" "$dir/address"
}

run() {
  [ "$#" -gt 0 ] || { echo "registry.sh: no command after --" >&2; exit 64; }
  install
  run_dir=$(mktemp -d "$cache/registry-run.XXXXXX")
  trap 'stop "$run_dir"; rm -rf "$run_dir"' EXIT
  start "$run_dir"
  local status=0
  SCHEMA_REGISTRY_URL=$(cat "$run_dir/address") "$@" || status=$?
  exit "$status"
}

verb=${1:-help}
dir=${2:-$cache/registry/default}
case $verb in
  install) install ;;
  start)
    start "$dir"
    echo "SCHEMA_REGISTRY_URL=$(cat "$dir/address")"
    ;;
  stop) stop "$dir" ;;
  run)
    [ "${2:-}" = "--" ] || { echo "registry.sh: write run -- COMMAND" >&2; exit 64; }
    shift 2
    run "$@"
    ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "$verb" = help ] || exit 64
    ;;
esac
