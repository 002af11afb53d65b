#!/usr/bin/env bash
# The page at /api in a browser without a window: it shows the API, and asks nobody but the server.
#
#   tests/clients/browser.sh http://127.0.0.1:8080 [--install] [--picture FILE.png]
#
# --install takes Debian's chromium when there is none. Without a browser it says `missing: …` and ends well.
set -euo pipefail

server=${1:?the server, as http://127.0.0.1:8080}
shift
install=no picture=
while [ $# -gt 0 ]; do
  case $1 in
    --install) install=yes ;;
    --picture) picture=${2:?a file}; shift ;;
    *) echo "unknown: $1" >&2; exit 2 ;;
  esac
  shift
done

if ! browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome); then
  if [ "$install" = no ]; then
    echo "missing: chromium (apt-get install chromium, or --install)"
    exit 0
  fi
  apt-get install -y -qq chromium >/dev/null
  browser=$(command -v chromium)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What a browser asks for on its own (updates, safe browsing) is switched off: what is left is what the page asks for.
flags=(--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking
  --disable-component-update --disable-sync --no-first-run --no-default-browser-check --disable-extensions
  --disable-features=OptimizationHints,MediaRouter,Translate --user-data-dir="$work/profile"
  --virtual-time-budget=10000 --window-size=1280,1600)
"$browser" "${flags[@]}" --log-net-log="$work/net.json" --net-log-capture-mode=Default \
  --dump-dom "$server/api" >"$work/page.html" 2>"$work/browser.log"

for text in '/api/v1/sql' '/api/v1/drift' '/v2/models/{model}/infer'; do
  grep -qF "$text" <(sed 's/<wbr>//g; s/\xe2\x80\x8b//g' "$work/page.html") || {
    echo "the page does not show $text" >&2
    exit 1
  }
done

# Every request that the page began, and the page's own: the browser's own errands have another initiator.
asked=$(python3 - "$work/net.json" "$server" <<'PYTHON'
import json
import sys

path, server = sys.argv[1:]
requests = set()
for event in json.load(open(path, encoding="utf-8"))["events"]:
    params = event.get("params", {})
    if "url" in params and "initiator" in params:
        of_the_page = params["initiator"] == server or params.get("request_type") == "main frame"
        if of_the_page and not params["url"].startswith(("data:", "blob:")):
            requests.add(params["url"])
print("\n".join(sorted(requests)))
PYTHON
)
[ "$(wc -l <<<"$asked")" -ge 5 ] || { printf 'the page loaded too little:\n%s\n' "$asked" >&2; exit 1; }
elsewhere=$(grep -vF "$server/" <<<"$asked" || true)
if [ -n "$elsewhere" ]; then
  printf 'asked elsewhere:\n%s\n' "$elsewhere" >&2
  exit 1
fi

if [ -n "$picture" ]; then
  "$browser" "${flags[@]}" --screenshot="$picture" "$server/api" 2>/dev/null
fi
echo "the page shows the API with $(wc -l <<<"$asked") requests, all to $server"
