#!/usr/bin/env bash
# Builds, type-checks and tests clients/python and clients/typescript against the real local server, and runs
# tests/mcp/loop.* with the official clients of the Model Context Protocol against the server, over HTTP and through
# `runo mcp`. Builds in target/clients, nothing in the tree. If a language or its package registry is missing, that part
# prints SKIPPED and the others run. "tests/clients.sh full" also reads 10,000 pages (a minute or more per client);
# "tests/clients.sh mcp" runs only the MCP part. RUNO_LOCAL names a server other than target/debug/local; RUNO_ADMIN and
# RUNO_COMMAND name an operator's tool and a `runo` other than those beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = full ]; then export RUNO_TEST_FULL=1; fi

work="$PWD/target/clients"
mkdir -p "$work"
export RUNO_REPOSITORY="$PWD"
if [ -z "${RUNO_LOCAL:-}" ]; then
  cargo build --quiet --package local --package admin --package runo-cli
  export RUNO_LOCAL="${CARGO_TARGET_DIR:-target}/debug/local"
fi
RUNO_LOCAL="$(realpath "$RUNO_LOCAL")"
# The operator's tool and the command line are in the server's folder.
export RUNO_ADMIN="${RUNO_ADMIN:-$(dirname "$RUNO_LOCAL")/admin}"
export RUNO_COMMAND="${RUNO_COMMAND:-$(dirname "$RUNO_LOCAL")/runo}"
# The tests set these themselves.
unset RUNO_API_KEY RUNO_BASE_URL

skipped() {
  printf '\n!! SKIPPED: the %s client was NOT tested: %s\n' "$1" "$2" >&2
}

. tests/python.sh

# is_current FOLDER FILE: succeeds if the folder was made from the current content of the file.
is_current() {
  [ -f "$1/made-from" ] && cmp -s "$1/made-from" "$2"
}

python() {
  local env="$work/python" uv
  python_environment "$env" 300 -r clients/python/requirements-tests.txt || { skipped Python "$why"; return 0; }
  uv="$(uv_program)" || { skipped Python "uv could not be installed from PyPI"; return 0; }
  # Test the package as it would be published.
  "$uv" pip install --quiet --no-cache --python "$env/bin/python" --no-deps --no-build-isolation --reinstall clients/python
  (
    cd clients/python
    "$env/bin/mypy" --cache-dir "$work/mypy" src tests
    "$env/bin/pytest"
  )
}

typescript() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { skipped TypeScript "node or npm is missing"; return 0; }
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || { skipped TypeScript "node is older than 20"; return 0; }
  local env="$work/typescript"
  mkdir -p "$env"
  rm -rf "$env/src" "$env/tests" "$env/dist" "$env/dist-tests"
  cp -R clients/typescript/. "$env/"
  cd "$env"
  if ! is_current "$env" package-lock.json; then
    timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || { skipped TypeScript "the packages of package-lock.json could not be installed"; return 0; }
    cp package-lock.json made-from
  fi
  npm test --silent
}

# Starts a server and runs a command with its RUNO_BASE_URL and RUNO_API_KEY.
with_server() {
  local base=""
  data="$(mktemp -d)"
  # Read below, perhaps before the server's process has opened it.
  : > "$data/out"
  export RUNO_API_KEY="${RUNO_API_KEY:-sk_live_agent}"
  PORT=0 DATA_DIR="$data" RUNO_DEV_KEY=$RUNO_API_KEY RUNO_DEV_RATE=1000 FETCH_ALLOW=127.0.0.0/8 BROWSER=off RUST_LOG=warn \
    "$RUNO_LOCAL" >"$data/out" 2>"$data/log" &
  server=$!
  trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$data"' EXIT
  for _ in $(seq 600); do
    base="$(sed -n 's/^listening on //p' "$data/out")"
    [ -n "$base" ] && break
    kill -0 $server 2>/dev/null || { cat "$data/log" >&2; return 1; }
    sleep 0.1
  done
  RUNO_BASE_URL="$base" "$@"
}

mcp_python() {
  local env="$work/mcp-python"
  python_environment "$env" 300 -r tests/mcp/requirements.txt || { skipped "Python MCP" "$why"; return 0; }
  with_server "$env/bin/python" tests/mcp/loop.py
}

mcp_node() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { skipped "Node MCP" "node or npm is missing"; return 0; }
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || { skipped "Node MCP" "node is older than 20"; return 0; }
  local env="$work/mcp-node"
  mkdir -p "$env"
  cp tests/mcp/loop.mjs tests/mcp/package.json tests/mcp/package-lock.json "$env/"
  if ! is_current "$env" tests/mcp/package-lock.json; then
    (cd "$env" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || { skipped "Node MCP" "the packages of package-lock.json could not be installed"; return 0; }
    cp tests/mcp/package-lock.json "$env/made-from"
  fi
  with_server node "$env/loop.mjs"
}

case "${1:-}" in
  mcp) ;;
  *)
    # Both run, so that one pass shows what is missing in either. Not with "||", in which bash ignores "set -e".
    set +e
    (set -e; python); python_code=$?
    (set -e; typescript); typescript_code=$?
    set -e
    [ "$python_code" = 0 ] && [ "$typescript_code" = 0 ] || exit 1
    ;;
esac
(mcp_python)
(mcp_node)
