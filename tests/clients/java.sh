#!/usr/bin/env bash
# The Java client against a broker; see KafkaClients.java for what is checked.
# usage: tests/clients/java.sh BOOTSTRAP [PROPERTIES]; the file holds what all clients are told besides, as security.protocol.
set -euo pipefail

bootstrap=${1:?usage: java.sh BOOTSTRAP [PROPERTIES]}
here=$(cd "$(dirname "$0")" && pwd)
version=4.1.1
libs=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/clients/kafka-clients-$version
command -v java >/dev/null || { echo "missing: java (apt-get install default-jdk-headless)"; exit 1; }
if [ ! -e "$libs/kafka-clients-$version.jar" ]; then
    command -v mvn >/dev/null || { echo "missing: mvn (apt-get install maven)"; exit 1; }
    mkdir -p "$libs"
    cat >"$libs/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemill.tests</groupId><artifactId>clients</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
    (cd "$libs" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=.) ||
        { echo "missing: kafka-clients $version, which Maven could not fetch"; exit 1; }
fi
exec timeout 180 java -cp "$libs/*" "$here/KafkaClients.java" "$@"
