#!/usr/bin/env bash
# Builds the functions in release mode for this machine and measures how each starts behind AWS's Runtime Interface Emulator
# (from PyPI). docs/SCALING.md#cold-start-and-size has the results. Runs on Linux.
#
#   tools/bench/cold_start.sh              # 20 starts each
#   tools/bench/cold_start.sh 50 FOLDER    # uses the binaries in FOLDER, each named after its function
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "$1" >&2
  exit 1
}
. tests/deploy/tools.sh
aws_tools
built="${CARGO_TARGET_DIR:-$PWD/target}"
[ -n "${2:-}" ] || cargo build --release --locked "${functions[@]/#/--package=}"
# Serves the tables and queues. A debug build is fast enough for that.
[ -x "$built/debug/local" ] || cargo build --workspace --bins
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
runtime_emulator "$work/emulator"
python3 tools/bench/cold_start.py "$work" "$built/debug/local" "${2:-$built/release}" "${1:-20}" "${functions[@]}"
