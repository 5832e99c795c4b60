#!/usr/bin/env bash
# The one test command. Needs cargo (with a C compiler, which rustup requires), bash and curl; installs the rest itself.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets -- -D warnings

step "binaries for the tests"
cargo build --workspace --bins
# The scripts below use these. "cargo build --package local" chooses other features, so it compiles most of the tree again.
export RUNO_LOCAL="${CARGO_TARGET_DIR:-$PWD/target}/debug/local"

step "tests and doc tests (the dependency rule is one of them)"
# Half of a test's time is waiting, for a server or a process.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((2 * $(getconf _NPROCESSORS_ONLN)))}"
cargo test --workspace

# Mostly waits, so it runs beside the steps that follow. It ends with this script.
echo "(the deployment into an emulated AWS starts; its output comes below)"
emulated_log="$(mktemp)"
tests/emulated.sh > "$emulated_log" 2>&1 &
emulated=$!
trap 'kill -KILL "$emulated" 2>/dev/null || true; rm -f "$emulated_log"' EXIT

step "the Python and TypeScript clients"
tests/clients.sh

step "the console, in a browser"
tests/console.sh

step "the template, with AWS's tools"
tests/deploy.sh

step "the functions behind AWS's Runtime Interface Emulator"
tests/rie.sh

step "the workflows of .github"
tests/workflows.sh

step "the documentation site"
tests/book.sh

step "code documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

step "licences, bans and sources"
if ! cargo deny --version >/dev/null 2>&1; then
  # Installed into target/, like everything else that is built. Optimizing it takes longer than its run.
  export PATH="$PWD/target/tools/bin:$PATH"
  cargo deny --version >/dev/null 2>&1 || cargo install --debug --locked --quiet --root target/tools cargo-deny@0.20.2
fi
cargo fetch --locked --quiet
cargo deny --offline check bans licenses sources

step "a deployment into an emulated AWS"
code=0
wait "$emulated" || code=$?
cat "$emulated_log"
[ "$code" = 0 ] || exit "$code"

step "known vulnerabilities (RustSec)"
# The database is a git repository. If it cannot be fetched, this step prints SKIPPED and succeeds.
if timeout 60 cargo deny fetch db >/dev/null 2>&1; then
  cargo deny check advisories
else
  echo "SKIPPED: the RustSec advisory database could not be fetched; run \"cargo deny check advisories\" with network access"
fi

step "all checks passed"
