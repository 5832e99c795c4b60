# Short names for the commands of CONTRIBUTING.md. Nothing is here alone: each recipe calls cargo or a script, so `just` is
# a convenience (cargo install just). `just` without a name lists the recipes.

_list:
    @{{ quote(just_executable()) }} --list --unsorted

# The local server, with a key to try and the sample pages open
run:
    RUNO_DEV_KEY=sk_live_try_me FETCH_ALLOW=127.0.0.0/8 cargo run

# The operator's tool on the local server's files: just admin account list
admin *arguments:
    cargo run --quiet --package admin -- --data-dir .runo {{ arguments }}

# Everything that CI checks
test:
    ./tests/all.sh

# Tests of one package: just unit domain; with a filter: just unit domain glob::
unit package filter="":
    cargo test --package {{ package }} {{ filter }}

# System tests whose name contains the filter: just suite cancel::
suite filter="":
    cargo build --workspace --bins
    cargo test --package tests --test suite {{ filter }}

# Format the code
format:
    cargo fmt --all

# Format and lints, without tests
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The Python and TypeScript clients
clients:
    ./tests/clients.sh

# The console in a Chromium; with a name: one test. "just console pictures" takes docs/console-*.png anew
console name="":
    ./tests/console.sh {{ name }}

# The deployment template, with AWS's tools
template:
    ./tests/deploy.sh

# Every function behind AWS's Runtime Interface Emulator
rie:
    ./tests/rie.sh

# A deployment into an emulated AWS
emulated:
    ./tests/emulated.sh

# The workflows of .github
workflows:
    ./tests/workflows.sh

# The documentation's site in target/book, and its links
book:
    ./tests/book.sh

# Licences, bans, sources and known vulnerabilities (needs cargo-deny)
audit:
    cargo deny check

# One fuzz target for so many seconds (needs cargo-fuzz): just fuzz robots 60
fuzz target seconds="60":
    RUSTC_BOOTSTRAP=1 cargo fuzz run {{ target }} -- -max_total_time={{ seconds }} -max_len=4096 -timeout=5

# The running server against its OpenAPI description
schemathesis:
    ./tests/schemathesis.sh

# Archives of the release binaries for this machine, in target/release-archives
package:
    ./tools/package.sh
