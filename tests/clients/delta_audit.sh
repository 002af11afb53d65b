#!/usr/bin/env bash
# The audit of tables that Python's deltalake wrote to; see delta_audit.py for what is checked.
# usage: tests/clients/delta_audit.sh TIDEMILL
set -euo pipefail

tidemill=${1:?usage: delta_audit.sh TIDEMILL}
here=$(cd "$(dirname "$0")" && pwd)
venv=${TIDEMILL_CACHE:-$HOME/.cache/tidemill}/clients/delta
if ! "$venv/bin/python" -c 'import deltalake' 2>/dev/null; then
    command -v python3 >/dev/null || { echo "missing: python3"; exit 1; }
    python3 -m venv "$venv" || { echo "missing: python3-venv (apt-get install python3-venv)"; exit 1; }
    "$venv/bin/pip" -q install deltalake || { echo "missing: deltalake, which pip could not install"; exit 1; }
fi
exec timeout 300 "$venv/bin/python" "$here/delta_audit.py" "$tidemill"
