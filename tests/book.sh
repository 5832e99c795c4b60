#!/usr/bin/env bash
# Builds the documentation site in target/book and checks its links. Uses the mdBook on the PATH or installs it from PyPI
# into target/tools; if it cannot, it prints SKIPPED and succeeds: tests/suite tests links between documents and their
# snippets in any case.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  printf '\n!! SKIPPED: the site was NOT built: %s\n' "$1" >&2
  exit 0
}

command -v python3 >/dev/null 2>&1 || skip "python3 is missing"
if ! command -v mdbook >/dev/null 2>&1; then
  . tests/python.sh
  tools="$PWD/target/tools/mdbook"
  python_environment "$tools" 120 --no-deps --require-hashes -r tests/book/requirements.txt || skip "$why"
  export PATH="$tools/bin:$PATH"
fi
mdbook build
python3 tests/book/check.py target/book
