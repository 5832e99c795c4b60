# Short names for commands of the README and CONTRIBUTING.md. Each recipe only calls cargo or a script, so `just` (cargo install just)
# is optional. `just` without a name lists the recipes.

_list:
    @{{ quote(just_executable()) }} --list --unsorted

# Run the local server with a trial key and access to the sample pages
run:
    RUNO_DEV_KEY=sk_live_try_me FETCH_ALLOW=127.0.0.0/8 cargo run

# Run the operator's tool on the local server's files: just admin account usage dev
admin *arguments:
    cargo run --quiet --package admin -- --data-dir .runo {{ arguments }}

# Run everything that CI checks
test:
    ./tests/all.sh

# Test one package: just unit domain; with a filter: just unit domain glob::
unit package filter="":
    cargo test --package {{ package }} {{ filter }}

# Run the system tests whose names contain the filter: just suite cancel::
suite filter="":
    cargo build --workspace --bins
    cargo test --package tests --test suite {{ filter }}

# Format the code
format:
    cargo fmt --all

# Check format, lints and code documentation, without tests
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Test the Python and TypeScript clients
clients:
    ./tests/clients.sh

# Test the console in a Chromium; with a name: only the tests whose names match. "just console pictures" retakes docs/console-*.png
console name="":
    ./tests/console.sh {{ name }}

# Check the deployment template with AWS's tools
template:
    ./tests/deploy.sh

# Run every function behind AWS's Runtime Interface Emulator
rie:
    ./tests/rie.sh

# Run every function as built for arm64, under qemu; "just arm64 dev" uses a debug build
arm64 build="":
    ./tests/arm64.sh {{ build }}

# Build and run the image for a single machine (as root)
container:
    ./tests/container.sh

# Deploy into an emulated AWS
emulated:
    ./tests/emulated.sh

# Check the workflows of .github
workflows:
    ./tests/workflows.sh

# Build the documentation site in target/book and check its links
book:
    ./tests/book.sh

# Check licences, bans, sources and known vulnerabilities (needs cargo-deny)
audit:
    cargo deny check

# Run a fuzz target for a number of seconds (needs cargo-fuzz): just fuzz robots 60
fuzz target seconds="60":
    RUSTC_BOOTSTRAP=1 cargo fuzz run {{ target }} -- -max_total_time={{ seconds }} -max_len=4096 -timeout=5

# Test the running server against its OpenAPI description
schemathesis:
    ./tests/schemathesis.sh

# Build archives of the release binaries for this machine in target/release-archives
package:
    ./tools/package.sh
