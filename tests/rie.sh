#!/usr/bin/env bash
# Runs the real bootstraps as Lambda does, without containers: behind the Lambda Runtime Interface Emulator that comes with
# sam (from PyPI), on the tables and queues of a local server. Sends every function its events of events/ and asserts the
# responses, both streamed as in AWS and whole as "sam local" expects them. Takes seconds.
#
#   tests/rie.sh                     # uses the binaries of "cargo build --workspace --bins"
#   tests/rie.sh FOLDER [RUNNER...]  # uses the functions in FOLDER, started by the command RUNNER (tests/arm64.sh)
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the functions were not run behind AWS's Runtime Interface Emulator: $1"
  exit 0
}

. tests/deploy/tools.sh
[ "$(uname -s)" = Linux ] || skip "it runs on Linux only"
aws_tools
built="${CARGO_TARGET_DIR:-$PWD/target}/debug"
[ -x "${1:-$built}/extract" ] && [ -x "$built/local" ] || { echo "run \"cargo build --workspace --bins\" first"; exit 1; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
runtime_emulator "$work/emulator"
# The system's python3, so that packages of sam's environment do not interfere.
python3 tests/rie/drive.py "$work" "$built/local" "${1:-$built}" "${@:2}"
