#!/usr/bin/env bash
# Opt-in, nightly in .github/workflows/arm64.yml: builds the functions for arm64 with "sam build", as they are deployed, and
# runs them under qemu-user behind AWS's Runtime Interface Emulator with every event of events/ (tests/rie.sh). The build takes
# many minutes.
#
#   tests/arm64.sh          # needs qemu-aarch64 (qemu-user), the C library for arm64 (libc6-arm64-cross), python3 and PyPI
#   tests/arm64.sh dev      # uses a debug build by the same cargo-lambda, which compiles faster but is not what is deployed
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the functions were not run for arm64: $1"
  exit 0
}

command -v qemu-aarch64 >/dev/null 2>&1 || skip "qemu-aarch64 is missing (apt-get install qemu-user)"
# The shared libraries that the binaries load. On Debian and Ubuntu they come with the cross compiler.
libraries="${QEMU_LD_PREFIX:-/usr/aarch64-linux-gnu}"
[ -e "$libraries/lib/ld-linux-aarch64.so.1" ] || skip "the C library for arm64 is missing (apt-get install libc6-arm64-cross libgcc-s1-arm64-cross)"
. tests/deploy/tools.sh
aws_tools sam cargo-lambda python-zig
zig_program
rustup target add aarch64-unknown-linux-gnu
cargo build --package local

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [ "${1:-}" = dev ]; then
  cargo lambda build --arm64 --quiet "${functions[@]/#/--package=}"
  for function in "${functions[@]}"; do
    ln -s "${CARGO_TARGET_DIR:-$PWD/target}/lambda/$function/bootstrap" "$work/$function"
  done
else
  sam build --parameter-overrides Architecture=arm64
  for function in "${functions[@]}"; do
    # A function that shares its code with another one has a folder ending in "-Shared".
    ln -s "$PWD/.aws-sam/build/${function^}Function"*/bootstrap "$work/$function"
  done
fi
for function in "${functions[@]}"; do
  [ "$(machine_of "$work/$function")" = arm64 ] || { echo "$function is not an arm64 binary" >&2; exit 1; }
done
ls -lL "$work" | awk 'NR > 1 { printf "   %s: %.1f MB\n", $9, $5 / 1048576 }'
tests/rie.sh "$work" "$(command -v qemu-aarch64)" -L "$libraries"
