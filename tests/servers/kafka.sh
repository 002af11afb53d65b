#!/usr/bin/env bash
# A real Apache Kafka of one node on loopback, for tests: installed from Maven Central into a cache folder.
#
#   tests/servers/kafka.sh install              fetches it (43 MB, once)
#   tests/servers/kafka.sh start [DIR]          starts one; the last line is KAFKA_BOOTSTRAP=127.0.0.1:PORT
#   tests/servers/kafka.sh restart [DIR]        kills the one in DIR with SIGKILL and starts it again with its data, on its ports
#   tests/servers/kafka.sh stop [DIR]           stops the one that was started in DIR and removes its data
#   tests/servers/kafka.sh run -- COMMAND …     starts one, runs COMMAND with KAFKA_BOOTSTRAP set, stops it; exits as COMMAND
#   tests/servers/kafka.sh -- COMMAND …         the same
#   tests/servers/kafka.sh certificates DIR     makes the certificates of KAFKA_SECURE in DIR, and starts nothing
#
# With KAFKA_SECURE=1 it listens in two more ways, and prints where: KAFKA_SASL_SSL (user `ada`, password `ada-secret`, by
# PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512) and KAFKA_SSL (clients need a certificate). DIR/tls holds ca.pem, and client.pem
# with client.key (password `client-secret`), all made for the occasion.
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

# An authority of our own, and certificates of it for the server and for a client.
make_certificates() {
  local tls=$1
  command -v openssl >/dev/null || missing "openssl (Debian: apt-get install openssl)"
  rm -rf "${tls:?}"
  mkdir -p "$tls"
  (
    cd "$tls"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tidemill-test-ca -keyout ca.key -out ca.pem
    for name in server client; do
      openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name.plain" -out "$name.csr"
      openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out "$name.crt" \
        -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost')
    done
    # Kafka takes a key in PKCS #8 and its chain from one file.
    cat server.plain server.crt ca.pem >server.pem
    openssl pkcs8 -topk8 -in client.plain -out client.key -passout pass:client-secret
    cp client.crt client.pem
  ) >"$tls/openssl.out" 2>&1 || {
    cat "$tls/openssl.out" >&2
    return 1
  }
}

# What makes a node listen with SASL_SSL and with client certificates as well.
secure_properties() {
  local dir=$1 client=$2 controller=$3 sasl_ssl=$4 ssl=$5
  cat <<PROPERTIES
listeners=PLAINTEXT://127.0.0.1:$client,SASL_SSL://127.0.0.1:$sasl_ssl,SSL://127.0.0.1:$ssl,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$client,SASL_SSL://127.0.0.1:$sasl_ssl,SSL://127.0.0.1:$ssl
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/tls/ca.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="ada-secret";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
}

# As many ports as asked for that nobody listens on. Another process can still take one before Kafka does: start tries again then.
free_ports() {
  local port found=()
  while [ "${#found[@]}" -lt "$1" ]; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && [[ " ${found[*]:-} " != *" $port "* ]]; then
      found+=("$port")
    fi
  done
  echo "${found[@]}"
}

start_once() {
  local dir=$1 client controller sasl_ssl ssl id scram=()
  read -r client controller sasl_ssl ssl < <(free_ports 4)
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
  rm -f "$dir/secure"
  if [ "${KAFKA_SECURE:-}" = 1 ]; then
    make_certificates "$dir/tls"
    # The later of two lines with one name counts.
    secure_properties "$dir" "$client" "$controller" "$sasl_ssl" "$ssl" >>"$dir/server.properties"
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
      scram+=(--add-scram "$mechanism=[name=ada,password=ada-secret]")
    done
    printf 'KAFKA_SASL_SSL=127.0.0.1:%s\nKAFKA_SSL=127.0.0.1:%s\nKAFKA_TLS=%s\n' "$sasl_ssl" "$ssl" "$dir/tls" >"$dir/secure"
  fi
  local quiet=(-Xmx"$heap" -Dlog4j2.level=WARN -cp "$libs/*")
  java "${quiet[@]}" kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" "${scram[@]}" >"$dir/format.out" 2>&1 || {
    cat "$dir/format.out" >&2
    return 1
  }
  boot "$dir" "127.0.0.1:$client" || return 1
  echo "127.0.0.1:$client" >"$dir/address"
}

# Starts what `dir` holds, and waits until it answers.
boot() {
  local dir=$1 address=$2 quiet=(-Xmx"$heap" -Dlog4j2.level=WARN -cp "$libs/*")
  # Its own session: a Ctrl-C meant for the tests does not kill it before they are done with it.
  setsid java "${quiet[@]}" kafka.Kafka "$dir/server.properties" >"$dir/server.out" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$dir/pid"
  local waited=0
  # Ready is a broker that lists its topics.
  until java "${quiet[@]}" org.apache.kafka.tools.TopicCommand --bootstrap-server "$address" --list \
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

# Dies and comes back as it was.
restart() {
  local dir=$1
  [ -e "$dir/pid" ] && [ -e "$dir/address" ] || { echo "kafka.sh: none was started in $dir" >&2; exit 1; }
  local pid waited=0
  pid=$(cat "$dir/pid")
  # Ours has our properties on its command line; one that is dead and not yet buried has none.
  ours() { tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$dir/server.properties"; }
  if ours; then kill -9 "$pid" 2>/dev/null || true; fi
  while ours; do
    waited=$((waited + 1))
    [ "$waited" -le 100 ] || { echo "kafka.sh: $pid does not die" >&2; exit 1; }
    sleep 0.1
  done
  boot "$dir" "$(cat "$dir/address")"
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
  rm -rf "$dir/pid" "$dir/address" "$dir/secure" "$dir/log"
}

run() {
  [ "$#" -gt 0 ] || { echo "kafka.sh: no command after --" >&2; exit 64; }
  install
  mkdir -p "$cache"
  run_dir=$(mktemp -d "$cache/kafka-run.XXXXXX")
  trap 'stop "$run_dir"; rm -rf "$run_dir"' EXIT
  start "$run_dir"
  local status=0
  # shellcheck disable=SC2046
  [ ! -e "$run_dir/secure" ] || export $(cat "$run_dir/secure")
  KAFKA_BOOTSTRAP=$(cat "$run_dir/address") "$@" || status=$?
  exit "$status"
}

verb=${1:-help}
dir=${2:-$cache/kafka/default}
case $verb in
  install) install ;;
  start)
    start "$dir"
    [ ! -e "$dir/secure" ] || cat "$dir/secure"
    echo "KAFKA_BOOTSTRAP=$(cat "$dir/address")"
    ;;
  restart) restart "$dir" ;;
  stop) stop "$dir" ;;
  certificates) make_certificates "$dir" ;;
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
    sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "$verb" = help ] || exit 64
    ;;
esac
