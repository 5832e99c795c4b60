#!/usr/bin/env bash
# Tests the running local server against its own /openapi.json with schemathesis: valid and invalid requests, in every phase
# and with every check. Prints SKIPPED and succeeds if schemathesis cannot be installed. To change the number of examples:
# tests/schemathesis.sh 100
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-10}
version=4.32.5

tools=$PWD/target/tools/schemathesis
. tests/python.sh
if ! python_environment "$tools" 300 "schemathesis==$version" jsonschema==4.26.0; then
  printf '\n!! SKIPPED: the API was NOT tested against its description: %s\n' "$why" >&2
  exit 0
fi

program=${RUNO_LOCAL:-}
if [ -z "$program" ]; then
  cargo build --quiet --package local
  program=${CARGO_TARGET_DIR:-target}/debug/local
fi
data=$(mktemp -d)
# Read below, perhaps before the server's process has opened it.
: > "$data/out"
key=sk_live_schemathesis
PORT=0 DATA_DIR=$data RUNO_DEV_KEY=$key RUNO_DEV_RATE=1000000 FETCH_ALLOW=127.0.0.0/8 HOST_DELAY_MS=0 BROWSER=off RUST_LOG=warn \
  "$program" >"$data/out" 2>"$data/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do
  base=$(sed -n 's/^listening on //p' "$data/out")
  [ -n "$base" ] && break
  kill -0 $server 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done

export RUNO_BASE=$base SCHEMATHESIS_HOOKS=hooks
cd tests/schemathesis
# The messages of /mcp are specified by its protocol, not by this document.
"$tools/bin/schemathesis" --config-file schemathesis.toml run "$base/openapi.json" --header "X-API-Key: $key" --exclude-path /mcp \
  --phases examples,coverage,fuzzing --checks all --max-examples "$examples" --seed 20261124 --continue-on-failure \
  --generation-database none --no-color
