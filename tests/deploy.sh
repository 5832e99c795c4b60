#!/usr/bin/env bash
# Holds template.yaml against AWS's own tools, without an account: "sam validate --lint", cfn-lint on what SAM makes of
# it, and that each streaming path is streamed there. The tools come from PyPI into target/tools; where they cannot be
# had, that is said and nothing else is held up by it. "tests/deploy.sh build [FUNCTION]" builds a function with sam too,
# which needs cargo-lambda and zig (from PyPI as well) and takes many minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

tools="$PWD/target/tools/aws"
# Known to work together; a newer one is tried by hand.
packages=(aws-sam-cli==1.170.0 cfn-lint==1.58.0)
needed=(sam cfn-lint)
if [ "${1:-}" = build ]; then
  packages+=(cargo-lambda==1.9.2 ziglang==0.17.1)
  needed+=(cargo-lambda python-zig)
fi

skip() {
  echo "SKIPPED: the template was not held against AWS's tools: $1"
  exit 0
}

missing=""
for name in "${needed[@]}"; do
  [ -x "$tools/bin/$name" ] || missing="$name"
done
if [ -n "$missing" ]; then
  command -v python3 >/dev/null 2>&1 || skip "there is no python3"
  python3 -m venv "$tools" || skip "python3 cannot make a virtual environment"
  timeout 160 "$tools/bin/pip" install --quiet --no-compile --disable-pip-version-check "${packages[@]}" || skip "PyPI did not give ${packages[*]}"
fi
export PATH="$tools/bin:$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1

sam validate --lint --template template.yaml
cfn-lint template.yaml

# What SAM turns the template into is what CloudFormation gets.
made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
"$tools/bin/python" tests/deploy/transform.py template.yaml "$made/template.json"
cfn-lint "$made/template.json"
"$tools/bin/python" tests/deploy/streamed.py shared/api/openapi.json "$made/template.json"

if [ "${1:-}" = build ]; then
  # cargo-lambda looks for a program called zig.
  printf '#!/bin/sh\nexec "%s" -m ziglang "$@"\n' "$tools/bin/python" > "$tools/bin/zig"
  chmod +x "$tools/bin/zig"
  rustup target add aarch64-unknown-linux-gnu
  sam build "${2:-ExtractFunction}"
  file .aws-sam/build/*/bootstrap
fi
echo "the template is good"
