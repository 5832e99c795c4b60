#!/usr/bin/env bash
# Checks template.yaml with AWS's own tools, without an account: with "sam validate --lint", and with cfn-lint before and
# after SAM's transformation. Also checks that the transformed template streams each streaming path. Installs the tools from
# PyPI into target/tools; if it cannot, it prints SKIPPED and succeeds.
#
#   tests/deploy.sh
#   tests/deploy.sh build    # also installs the tools into .venv and runs "sam build", with the commands of README.md and
#                            # docs/OPERATIONS.md; takes many minutes: all functions, for arm64 and for x86_64
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the template was not checked with AWS's tools: $1"
  exit 0
}

. tests/deploy/tools.sh
aws_tools

sam validate --lint --template template.yaml
cfn-lint template.yaml

# The transformed template is what CloudFormation gets.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$tools/bin/python" tests/deploy/transform.py template.yaml "$work/template.json"
cfn-lint "$work/template.json"
"$tools/bin/python" tests/deploy/streamed.py shared/api/openapi.json "$work/template.json"

echo "the template is valid"

if [ "${1:-}" = build ]; then
  # Uses the tools that the documented commands install, not those above.
  PATH="${PATH#"$tools/bin:"}"
  documented() { python3 tests/deploy/documented.py "$@"; }
  run_documented() { [ -n "$1" ] && eval "$1"; }
  check_architecture() {
    for bootstrap in .aws-sam/build/*/bootstrap; do
      [ "$(machine_of "$bootstrap")" = "$1" ] || { echo "$bootstrap is not a binary for $1" >&2; exit 1; }
    done
    ls -l .aws-sam/build/*/bootstrap
  }
  run_documented "$(documented README.md "Deploy it" "rustup target add")"
  run_documented "$(documented README.md "Deploy it" "python3 -m venv")"
  run_documented "$(documented README.md "Deploy it" "pip install")"
  run_documented "$(documented README.md "Deploy it" "printf")"
  run_documented "$(documented README.md "Deploy it" "sam validate")"
  run_documented "$(documented README.md "Deploy it" "sam build")"
  check_architecture arm64
  # Cargo has nothing left to build.
  run_documented "$(documented docs/OPERATIONS.md "Deploy" "sam build")"
  run_documented "$(documented docs/OPERATIONS.md "Upgrade" "sam build")"
  run_documented "$(documented docs/OPERATIONS.md "On your own machine" "sam build")"
  check_architecture x86_64
fi
