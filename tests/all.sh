#!/usr/bin/env bash
# The one test command. Needs cargo (with a C compiler, which rustup requires), bash and curl; installs the rest itself.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets -- -D warnings

step "binaries for the tests"
cargo build --workspace --bins
# The scripts below use these. "cargo build --package local" chooses other features, so it compiles most of the tree again.
export RUNO_LOCAL="${RUNO_LOCAL:-${CARGO_TARGET_DIR:-$PWD/target}/debug/local}"

step "tests and doc tests (the dependency rule is one of them)"
# Most of a test's time is waiting, for a server or a process.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((3 * $(getconf _NPROCESSORS_ONLN)))}"
cargo test --workspace

# The deployment into an emulated AWS mostly waits, so it runs beside the steps that follow. Its output comes below. If a step
# fails, it is killed, with all that it started: unshare kills its namespace.
emulated_folder="$(mktemp -d)"
TMPDIR="$emulated_folder" tests/emulated.sh > "$emulated_folder/log" 2>&1 &
emulated=$!
stop_emulated() {
  if [ -n "$emulated" ]; then
    kill -KILL "$emulated" 2>/dev/null || true
    wait "$emulated" 2>/dev/null || true
    echo "(the deployment into an emulated AWS was ended; its last line: $(tail -n 1 "$emulated_folder/log"))"
  fi
  [ -z "$emulated_folder" ] || rm -rf "$emulated_folder"
}
trap stop_emulated EXIT

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
RUSTDOCFLAGS="-D warnings" nice cargo doc --workspace --no-deps --quiet

step "licences, bans and sources"
if ! cargo deny --version >/dev/null 2>&1; then
  # Installed into target/, like everything else that is built. Optimizing it takes longer than its run.
  export PATH="$PWD/target/tools/bin:$PATH"
  cargo deny --version >/dev/null 2>&1 || nice cargo install --debug --locked --quiet --root target/tools cargo-deny@0.20.2
fi
cargo fetch --locked --quiet
cargo deny --offline check bans licenses sources

step "a deployment into an emulated AWS"
code=0
wait "$emulated" || code=$?
emulated=""
cat "$emulated_folder/log"
# Its logs stay if it failed.
[ "$code" = 0 ] || { emulated_folder=""; exit "$code"; }

step "known vulnerabilities (RustSec)"
# The database is a git repository. If it cannot be fetched, this step prints SKIPPED and succeeds.
if timeout 60 cargo deny fetch db >/dev/null 2>&1; then
  cargo deny check advisories
else
  echo "SKIPPED: the RustSec advisory database could not be fetched; run \"cargo deny check advisories\" with network access"
fi

step "all checks passed"
