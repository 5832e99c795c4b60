#!/usr/bin/env bash
# Builds what a release offers besides the binaries, into target/release-archives: the Python client as a wheel, the
# TypeScript client as an npm package. With "image" also the container image of the local server, for `docker load`.
#
#   tools/package_clients.sh
#   tools/package_clients.sh image
set -euo pipefail
cd "$(dirname "$0")/.."

version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)"
archives="$PWD/target/release-archives"
mkdir -p "$archives"

# Built from a copy: both builds write into their folder.
copy="$PWD/target/release-clients"
rm -rf "$copy"
mkdir -p "$copy"
cp -R clients/python clients/typescript "$copy/"

python3 -m venv "$copy/venv"
"$copy/venv/bin/pip" wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$archives" "$copy/python"
(cd "$copy/typescript" && npm ci --silent && npm pack --silent --pack-destination "$archives" >/dev/null)

if [ "${1:-}" = image ]; then
  tools/image.sh
  docker save runo | gzip > "$archives/runo-$version-image-$(uname -m).tar.gz"
fi
ls -l "$archives"
