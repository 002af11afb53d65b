#!/usr/bin/env bash
# The audit of tables that others wrote to, Python's deltalake or Spark; see delta_audit.py for what is checked.
# usage: tests/clients/delta_audit.sh TIDEMILL [deltalake|spark]
set -euo pipefail

tidemill=${1:?usage: delta_audit.sh TIDEMILL [deltalake|spark]}
writer=${2:-deltalake}
here=$(cd "$(dirname "$0")" && pwd)
cache=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}
case $writer in
    deltalake) venv=$cache/clients/delta packages=(deltalake) modules=deltalake ;;
    # Not every version of delta-spark on PyPI has its jars on Maven Central; this one has.
    spark)
        venv=$cache/clients/spark packages=(pyspark delta-spark==4.4.0) modules="pyspark, delta"
        command -v java >/dev/null || { echo "missing: java (apt-get install default-jre-headless)"; exit 1; }
        # The benches have it too, and it is large.
        if "$cache/bench/python/bin/python" -c "import $modules" 2>/dev/null; then venv=$cache/bench/python; fi
        ;;
    *) echo "the writer is deltalake or spark, not $writer"; exit 2 ;;
esac
if ! "$venv/bin/python" -c "import $modules" 2>/dev/null; then
    command -v python3 >/dev/null || { echo "missing: python3"; exit 1; }
    python3 -m venv "$venv" || { echo "missing: python3-venv (apt-get install python3-venv)"; exit 1; }
    "$venv/bin/pip" -q install "${packages[@]}" || { echo "missing: ${packages[*]}, which pip could not install"; exit 1; }
fi
exec timeout 300 "$venv/bin/python" "$here/delta_audit.py" "$tidemill" "$writer"
