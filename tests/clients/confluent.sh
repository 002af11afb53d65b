#!/usr/bin/env bash
# confluent-kafka (Python over librdkafka) against a broker; see confluent_client.py for what is checked.
# usage: tests/clients/confluent.sh BOOTSTRAP
set -euo pipefail

bootstrap=${1:?usage: confluent.sh BOOTSTRAP}
here=$(cd "$(dirname "$0")" && pwd)
venv=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/clients/python
if ! "$venv/bin/python" -c 'import confluent_kafka' 2>/dev/null; then
    command -v python3 >/dev/null || { echo "missing: python3"; exit 1; }
    python3 -m venv "$venv" || { echo "missing: python3-venv (apt-get install python3-venv)"; exit 1; }
    "$venv/bin/pip" -q install confluent-kafka || { echo "missing: confluent-kafka, which pip could not install"; exit 1; }
fi
exec timeout 180 "$venv/bin/python" "$here/confluent_client.py" "$bootstrap"
