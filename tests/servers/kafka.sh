#!/usr/bin/env bash
# A real Apache Kafka of one node on loopback, for tests: installed from Maven Central into a cache folder.
#
#   tests/servers/kafka.sh install              fetches it (43 MB, once)
#   tests/servers/kafka.sh start [DIR]          starts one; the last line is KAFKA_BOOTSTRAP=127.0.0.1:PORT
#   tests/servers/kafka.sh stop [DIR]           stops the one that was started in DIR and removes its data
#   tests/servers/kafka.sh run -- COMMAND …     starts one, runs COMMAND with KAFKA_BOOTSTRAP set, stops it; exits as COMMAND
#   tests/servers/kafka.sh -- COMMAND …         the same
#
# DIR holds the log and the process id (default: kafka/default in the cache folder); `run` makes one of its own.
# Exits 69 with one line when something that it needs is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/servers
version=$(sed -n 's:.*<version>\([0-9][0-9.]*\.[0-9]*\)</version>.*:\1:p' "$here/kafka/pom.xml" | tail -n 1)
libs=$cache/kafka-$version/libs
heap=${KAFKA_HEAP:-1g}
ready_seconds=${KAFKA_READY_SECONDS:-60}

missing() {
  echo "kafka.sh: missing: $1" >&2
  exit 69
}

install() {
  [ -e "$libs/.complete" ] && return
  command -v java >/dev/null || missing "java 17 or newer (Debian: apt-get install default-jre-headless)"
  command -v mvn >/dev/null || missing "mvn (Debian: apt-get install maven)"
  command -v flock >/dev/null || missing "flock (Debian: apt-get install util-linux)"
  mkdir -p "$cache"
  # Two tests that need it at once fetch it once.
  exec 8>"$cache/kafka-install.lock"
  flock 8
  if [ ! -e "$libs/.complete" ]; then
    echo "kafka.sh: fetching Apache Kafka $version into $libs" >&2
    mvn -q -B -Dstyle.color=never -f "$here/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libs" >&2 ||
      missing "Apache Kafka $version: Maven Central cannot be reached"
    touch "$libs/.complete"
  fi
  exec 8>&-
}

# Two ports that nobody listens on. Another process can still take one before Kafka does: start tries again then.
free_ports() {
  local port found=()
  while [ "${#found[@]}" -lt 2 ]; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && [ "${found[0]:-}" != "$port" ]; then
      found+=("$port")
    fi
  done
  echo "${found[@]}"
}

start_once() {
  local dir=$1 client controller id
  read -r client controller < <(free_ports)
  # A cluster id is a UUID in URL-safe base64 without padding.
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c 1-22)
  rm -rf "${dir:?}/log"
  mkdir -p "$dir/log"
  cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$client,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$client
controller.listener.names=CONTROLLER
log.dirs=$dir/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
# Events carry the time at which they were known, which can be years ago: retention by time would delete them at once.
log.retention.ms=-1
log.message.timestamp.before.max.ms=9223372036854775807
log.message.timestamp.after.max.ms=9223372036854775807
PROPERTIES
  local quiet=(-Xmx"$heap" -Dlog4j2.level=WARN -cp "$libs/*")
  java "${quiet[@]}" kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" >"$dir/format.out" 2>&1 || {
    cat "$dir/format.out" >&2
    return 1
  }
  # Its own session: a Ctrl-C meant for the tests does not kill it before they are done with it.
  setsid java "${quiet[@]}" kafka.Kafka "$dir/server.properties" >"$dir/server.out" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$dir/pid"
  local waited=0
  # Ready is a broker that lists its topics.
  until java "${quiet[@]}" org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$client" --list \
    >"$dir/ready.out" 2>&1; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 5 "$dir/server.out" >&2
      return 1
    fi
    waited=$((waited + 1))
    if [ "$waited" -ge "$ready_seconds" ]; then
      echo "kafka.sh: not ready after $waited tries; the server and the last try said:" >&2
      tail -n 5 "$dir/server.out" "$dir/ready.out" >&2
      stop "$dir"
      return 1
    fi
    sleep 0.5
  done
  echo "127.0.0.1:$client" >"$dir/address"
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
  # The process id may belong to another process by now: ours has our properties on its command line.
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$dir/server.properties"; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -rf "$dir/pid" "$dir/address" "$dir/log"
}

run() {
  [ "$#" -gt 0 ] || { echo "kafka.sh: no command after --" >&2; exit 64; }
  install
  mkdir -p "$cache"
  run_dir=$(mktemp -d "$cache/kafka-run.XXXXXX")
  trap 'stop "$run_dir"; rm -rf "$run_dir"' EXIT
  start "$run_dir"
  local status=0
  KAFKA_BOOTSTRAP=$(cat "$run_dir/address") "$@" || status=$?
  exit "$status"
}

verb=${1:-help}
dir=${2:-$cache/kafka/default}
case $verb in
  install) install ;;
  start)
    start "$dir"
    echo "KAFKA_BOOTSTRAP=$(cat "$dir/address")"
    ;;
  stop) stop "$dir" ;;
  run)
    [ "${2:-}" = "--" ] || { echo "kafka.sh: write run -- COMMAND" >&2; exit 64; }
    shift 2
    run "$@"
    ;;
  --)
    shift
    run "$@"
    ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "$verb" = help ] || exit 64
    ;;
esac
