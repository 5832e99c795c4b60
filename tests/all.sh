#!/usr/bin/env bash
# The one test command. Needs cargo (with a C compiler, which rustup requires), bash and curl; installs the rest itself, except
# cargo-deny.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }

step "format"
cargo fmt --all --check

# checked COMMAND...: runs a cargo command whose compilations also lint and document the workspace's crates. Warnings are errors.
checked() { RUSTC_WRAPPER="" RUSTC_WORKSPACE_WRAPPER="$PWD/tests/rustc.sh" "$@"; }

step "lints, documentation and code of the libraries, programs and benchmarks"
checked cargo build --workspace --bins --bench '*'
# The scripts below use these. "cargo build --package local" chooses other features, so it compiles most of the tree again.
export RUNO_LOCAL="${RUNO_LOCAL:-${CARGO_TARGET_DIR:-$PWD/target}/debug/local}"

# tests/suite/architecture tests licences, sources and bans. cargo-deny, which takes minutes to compile, also checks them for all
# platforms, and knows vulnerabilities.
dependencies() {
  local skipped="cargo-deny did not run (.github/workflows/audit.yml runs it each day)"
  cargo deny --version >/dev/null 2>&1 || { echo "SKIPPED: $skipped: it is not installed"; return 0; }
  cargo fetch --locked --quiet || { echo "SKIPPED: $skipped: the crates of all platforms could not be fetched"; return 0; }
  cargo deny --offline check bans licenses sources
  # The RustSec database is a git repository.
  timeout 60 cargo deny fetch db >/dev/null 2>&1 || { echo "SKIPPED: known vulnerabilities were not looked up: the RustSec database could not be fetched"; return 0; }
  cargo deny check advisories
}

# What mostly waits runs beside the steps that follow, in a process group of its own. "finish" prints its output and fails if it
# failed. If another step fails, it is stopped, with all that it started.
folder="$(mktemp -d)"
keep_folder=""
beside() {
  local name="$1"
  shift
  mkdir "$folder/$name"
  set -m
  TMPDIR="$folder/$name" "$@" < /dev/null > "$folder/$name.log" 2>&1 &
  set +m
  echo $! > "$folder/$name.pid"
}
finish() {
  local name="$1" code=0
  wait "$(cat "$folder/$name.pid")" || code=$?
  rm "$folder/$name.pid"
  cat "$folder/$name.log"
  # The logs of a deployment that failed stay.
  [ "$code" = 0 ] || { keep_folder=1; exit "$code"; }
}
stop_all() {
  local file pid
  for file in "$folder"/*.pid; do
    [ -e "$file" ] || continue
    pid="$(cat "$file")"
    if kill -0 "$pid" 2>/dev/null; then
      echo "($(basename "$file" .pid) is stopped; its last line: $(tail -n 1 "${file%.pid}.log"))"
    fi
    kill -TERM -- "-$pid" 2>/dev/null || true
    # The first process of a namespace ignores SIGTERM.
    for _ in $(seq 25); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  # If a signal stops this script, the command of the current step still runs.
  pkill -TERM -P $$ 2>/dev/null || true
  [ -n "$keep_folder" ] || rm -rf "$folder"
}
trap stop_all EXIT

scripts() {
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
}

# Waits for the browser that .ci/run installs meanwhile: without one, the scripts below print SKIPPED.
for _ in $(seq 600); do
  [ -n "${RUNO_TEST_INSTALLED:-}" ] && [ ! -e "$RUNO_TEST_INSTALLED" ] || break
  sleep 1
done
unset RUNO_TEST_INSTALLED
beside scripts scripts
beside emulated tests/emulated.sh

# At a low priority, because the steps beside it wait for servers and browsers.
step "lints and code of the tests"
checked nice cargo test --workspace --no-run

step "tests and doc tests (the dependency rule is one of them)"
# Most of a test's time is waiting, for a server or a process.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((4 * $(getconf _NPROCESSORS_ONLN)))}"
checked cargo test --workspace

step "clients, console, template, functions, workflows and site (they ran beside the steps above)"
finish scripts

step "licences for all platforms and known vulnerabilities, with cargo-deny"
dependencies

step "a deployment into an emulated AWS (it ran beside the steps above)"
finish emulated

step "all checks passed"
