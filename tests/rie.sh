#!/usr/bin/env bash
# Runs the real bootstraps as Lambda does, without containers: behind the Lambda Runtime Interface Emulator that sam has with
# it (PyPI), on the tables and queues of a local server. Every function gets every event of events/, and its answers are
# asserted: as they are streamed in AWS, and as "sam local" wants them. Takes seconds.
# The binaries are those of "cargo build --workspace --bins".
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: no function was run behind AWS's Runtime Interface Emulator: $1"
  exit 0
}

. tests/deploy/tools.sh
[ "$(uname -s)" = Linux ] || skip "it runs on Linux only"
aws_tools
built="${CARGO_TARGET_DIR:-$PWD/target}/debug"
[ -x "$built/extract" ] && [ -x "$built/local" ] || { echo "run \"cargo build --workspace --bins\" first"; exit 1; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
runtime_emulator "$work/emulator"
# python3 itself, so that nothing of the emulator's package is in the way.
python3 tests/rie/drive.py "$work" "$built/local" "$built"
