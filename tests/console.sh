#!/usr/bin/env bash
# Tests the console in a Chromium against the real local server: flows, hostile data, accessibility, ten thousand rows.
# Installs into target/tools/console, nothing in the tree. If node, npm, the package registry or a Chromium is missing, it
# prints SKIPPED and succeeds. "tests/console.sh pictures" retakes the pictures of docs/. RUNO_LOCAL names a server other
# than target/debug/local, RUNO_CHROMIUM a browser other than the first on the path.
set -euo pipefail
cd "$(dirname "$0")/.."

skipped() {
  printf '\n!! SKIPPED: the console was NOT tested: %s\n' "$1" >&2
  exit 0
}

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || skipped "node or npm is missing"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skipped "node is older than 20"
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  [ -n "${RUNO_CHROMIUM:-}" ] || RUNO_CHROMIUM="$(command -v "$name" || true)"
done
[ -x "${RUNO_CHROMIUM:-}" ] || skipped "Chromium is missing"

tools="$PWD/target/tools/console"
mkdir -p "$tools"
cp tests/console/package.json tests/console/package-lock.json "$tools/"
if ! { [ -f "$tools/made-from" ] && cmp -s "$tools/made-from" tests/console/package-lock.json; }; then
  (cd "$tools" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || skipped "the packages of package-lock.json could not be installed"
  cp tests/console/package-lock.json "$tools/made-from"
fi
rm -rf "$tools"/*.mjs
cp tests/console/*.mjs "$tools/"

if [ -z "${RUNO_LOCAL:-}" ]; then
  cargo build --quiet --package local
  RUNO_LOCAL="${CARGO_TARGET_DIR:-target}/debug/local"
fi
RUNO_LOCAL="$(realpath "$RUNO_LOCAL")"
export RUNO_LOCAL RUNO_CHROMIUM RUNO_REPOSITORY="$PWD"
if [ "${1:-}" = pictures ]; then
  exec node "$tools/pictures.mjs"
fi
cd "$tools"
# One file after the other: each starts a server and a browser.
node --test --test-concurrency=1 --test-reporter=spec ${1:+--test-name-pattern="$1"} ./*.test.mjs
