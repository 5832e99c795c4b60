#!/usr/bin/env bash
# Checks template.yaml with AWS's own tools, without an account: "sam validate --lint", cfn-lint on the template and on what
# SAM transforms it into, and that each streaming path is streamed there. Installs the tools from PyPI into target/tools; if
# it cannot, it prints SKIPPED and succeeds. "tests/deploy.sh build [FUNCTION]" also builds a function with sam, which needs
# cargo-lambda and zig (also from PyPI) and takes many minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the template was not checked with AWS's tools: $1"
  exit 0
}

. tests/deploy/tools.sh
needed=(cfn-lint)
[ "${1:-}" != build ] || needed+=(cargo-lambda python-zig)
aws_tools "${needed[@]}"

sam validate --lint --template template.yaml
cfn-lint template.yaml

# The transformed template is what CloudFormation gets.
made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
"$tools/bin/python" tests/deploy/transform.py template.yaml "$made/template.json"
cfn-lint "$made/template.json"
"$tools/bin/python" tests/deploy/streamed.py shared/api/openapi.json "$made/template.json"

if [ "${1:-}" = build ]; then
  zig_program
  rustup target add aarch64-unknown-linux-gnu
  sam build "${2:-ExtractFunction}"
  file .aws-sam/build/*/bootstrap
fi
echo "the template is valid"
