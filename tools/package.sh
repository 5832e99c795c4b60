#!/usr/bin/env bash
# Builds the release binaries for this machine and packs them into target/release-archives, with a checksum, as a release
# offers them for a platform. "tools/package.sh v0.2.0" fails unless Cargo.toml has that version.
set -euo pipefail
cd "$(dirname "$0")/.."

version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)"
if [ -n "${1:-}" ] && [ "$1" != "v$version" ]; then
  echo "the tag is $1, but Cargo.toml says $version" >&2
  exit 1
fi
target="$(rustc -vV | sed -n 's/^host: //p')"

# Packages and their binaries.
packages=(--package local --package admin --package runo-cli)
binaries=(local admin runo)
cargo build --release --locked "${packages[@]}"

name="runo-$version-$target"
archives="target/release-archives"
rm -rf "${archives:?}/$name"
mkdir -p "$archives/$name"
for binary in "${binaries[@]}"; do
  cp "${CARGO_TARGET_DIR:-target}/release/$binary" "$archives/$name/"
done
cp LICENSE README.md CHANGELOG.md "$archives/$name/"
tar -C "$archives" -czf "$archives/$name.tar.gz" "$name"
# macOS has no sha256sum.
cd "$archives"
if command -v sha256sum >/dev/null 2>&1; then
  sha256sum "$name.tar.gz" > "$name.tar.gz.sha256"
else
  shasum -a 256 "$name.tar.gz" > "$name.tar.gz.sha256"
fi
echo "$archives/$name.tar.gz"
