#!/bin/sh
# Builds the measured programs in release mode, then measures them. Options: `compare --help`.
set -eu
cd "$(dirname "$0")/../.."
cargo build --release -p local -p bench --bin local --bin unstored --bin compare
exec "${CARGO_TARGET_DIR:-target}/release/compare" "$@"
