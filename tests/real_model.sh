#!/usr/bin/env bash
# A real OpenAI-compatible server (llama.cpp's, by the wheel of xllamacpp) with a small model of random weights behind Runo:
# everything that it says has to be refused, and nothing may break. Not part of all.sh: it installs from PyPI (50 MB).
# The environment is kept in target/real-model.
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
venv="$target/real-model"
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet xllamacpp==2026.10.11549 gguf==0.19.0
fi
cargo build --quiet -p local -p admin
exec "$venv/bin/python" tests/real_model/check.py "$target/debug/local" "$target/debug/admin" "$venv/bin/python"
