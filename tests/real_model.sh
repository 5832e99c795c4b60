#!/usr/bin/env bash
# Runs Runo with a real OpenAI-compatible server (llama.cpp's, from the wheel of xllamacpp) and a small model of random weights:
# every value of the model has to be refused, and nothing may break. Not part of all.sh, because it installs 50 MB from PyPI
# into target/real-model.
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
venv="$target/real-model"
. tests/python.sh
python_environment "$venv" 300 xllamacpp==2026.10.11549 gguf==0.19.0 || { echo "$why" >&2; exit 1; }
cargo build --quiet -p local -p admin
exec "$venv/bin/python" tests/real_model/check.py "$target/debug/local" "$target/debug/admin" "$venv/bin/python"
