#!/bin/sh
# Builds what is measured as it is shipped, then measures it. Options: `compare --help`.
set -eu
cd "$(dirname "$0")/../.."
cargo build --release -p local -p bench --bin local --bin unstored --bin compare
exec "${CARGO_TARGET_DIR:-target}/release/compare" "$@"
