#!/usr/bin/env bash
# RUSTC_WORKSPACE_WRAPPER of tests/all.sh: compiles a crate of the workspace with Clippy's lints and then documents it. Warnings are
# errors. "cargo clippy" and "cargo doc" would find the same, but each checks all dependencies again, which takes minutes.
# Cargo does not see a change of this file: use another CARGO_TARGET_DIR to check everything again.
set -euo pipefail

# Clippy's driver is rustc with more lints, without optimizations of MIR, and without the checks of pointers that only unsafe code
# needs (we have none). It drops its first argument, the path of rustc.
clippy-driver "$@" -D warnings
shift

name="" kind="" source="" folder="" arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    # Neither tests nor questions about the compiler.
    --test | --print* | -vV) exit 0 ;;
    --crate-name) name="$2" ;;
    --crate-type) kind="$2" ;;
    --out-dir) folder="$2" ;;
    *.rs) source="$1" ;;
  esac
  case "$1" in
    # What is only for code and for cargo.
    -C | --out-dir) shift ;;
    --emit=* | --error-format=* | --json=* | --diagnostic-width=*) ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
# As "cargo doc" does: of a program and a library in one folder, which have one name here, the library is documented.
case "$kind" in
  lib) ;;
  bin) [ "$name" != build_script_build ] && [ ! -e "$(dirname "$source")/lib.rs" ] || exit 0 ;;
  *) exit 0 ;;
esac
[ "$kind" = lib ] || arguments+=(--document-private-items)
rustdoc "${arguments[@]}" -D warnings --out-dir "$folder/../../doc"
