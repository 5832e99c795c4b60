#!/usr/bin/env bash
# Holds template.yaml against AWS's own tools, without an account: "sam validate --lint", cfn-lint on what SAM makes of
# it, and that each streaming path is streamed there. The tools come from PyPI into target/tools; where they cannot be
# had, that is said and nothing else is held up by it. "tests/deploy.sh build [FUNCTION]" builds a function with sam too,
# which needs cargo-lambda and zig (from PyPI as well) and takes many minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the template was not held against AWS's tools: $1"
  exit 0
}

. tests/deploy/tools.sh
needed=(cfn-lint)
[ "${1:-}" != build ] || needed+=(cargo-lambda python-zig)
aws_tools "${needed[@]}"

sam validate --lint --template template.yaml
cfn-lint template.yaml

# What SAM turns the template into is what CloudFormation gets.
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
echo "the template is good"
