#!/usr/bin/env bash
# Builds, type-checks and tests clients/python and clients/typescript against the real local server. Everything is made
# in target/clients; nothing in the tree. Where a language or its registry is missing, that is said loudly and nothing
# else is held up by it. "tests/clients.sh full" reads 10,000 pages too (a minute or more for each);
# RUNO_LOCAL names another server than target/debug/local, RUNO_ADMIN another operator's tool than the one beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = full ]; then export RUNO_TEST_FULL=1; fi

work="$PWD/target/clients"
mkdir -p "$work"
export RUNO_REPOSITORY="$PWD" PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
if [ -z "${RUNO_LOCAL:-}" ]; then
  cargo build --quiet --package local --package admin
  export RUNO_LOCAL="${CARGO_TARGET_DIR:-target}/debug/local"
fi
RUNO_LOCAL="$(realpath "$RUNO_LOCAL")"
# The operator's tool is beside the server.
export RUNO_ADMIN="${RUNO_ADMIN:-$(dirname "$RUNO_LOCAL")/admin}"
# The tests say themselves which service they talk to.
unset RUNO_API_KEY RUNO_BASE_URL

skipped() {
  printf '\n!! SKIPPED: the %s client was NOT tested: %s\n' "$1" "$2" >&2
}

# The environments are made anew when what they are made from has changed.
fresh() {
  [ -f "$1/made-from" ] && cmp -s "$1/made-from" "$2"
}

python() {
  command -v python3 >/dev/null 2>&1 || { skipped Python "there is no python3"; return 0; }
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { skipped Python "python3 is older than 3.10"; return 0; }
  local needs=clients/python/requirements-tests.txt env="$work/python"
  if ! fresh "$env" "$needs"; then
    rm -rf "$env"
    python3 -m venv "$env" || { skipped Python "python3 cannot make a virtual environment"; return 0; }
    timeout 300 "$env/bin/pip" install --quiet --no-compile -r "$needs" || { skipped Python "the registry did not give $needs"; return 0; }
    cp "$needs" "$env/made-from"
  fi
  # What is tested is what would be published.
  "$env/bin/pip" install --quiet --no-compile --no-deps --no-build-isolation --force-reinstall clients/python
  (
    cd clients/python
    "$env/bin/mypy" --cache-dir "$work/mypy" src tests
    "$env/bin/pytest"
  )
}

typescript() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { skipped TypeScript "there is no node or no npm"; return 0; }
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || { skipped TypeScript "node is older than 20"; return 0; }
  local env="$work/typescript"
  mkdir -p "$env"
  rm -rf "$env/src" "$env/tests" "$env/dist" "$env/dist-tests"
  cp -R clients/typescript/. "$env/"
  cd "$env"
  if ! fresh "$env" package-lock.json; then
    timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || { skipped TypeScript "the registry did not give what package-lock.json names"; return 0; }
    cp package-lock.json made-from
  fi
  npm test --silent
}

(python)
(typescript)
