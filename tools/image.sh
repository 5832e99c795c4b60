#!/usr/bin/env bash
# Builds the image "runo" for one machine: the local server and the operator's tool, both linked statically with musl, and the CA
# certificates. It has no base image (FROM scratch), so none is fetched. Runs on Linux, for this machine's processor.
#
#   tools/image.sh              # builds release binaries and the image; needs musl-gcc (apt-get install musl-tools)
#   tools/image.sh layout       # stops before Docker: writes the image's file system to target/image
#   PROFILE=dev tools/image.sh  # a debug build, which compiles faster
set -euo pipefail
cd "$(dirname "$0")/.."

profile="${PROFILE:-release}"
target="$(uname -m)-unknown-linux-musl"
command -v musl-gcc >/dev/null 2>&1 || { echo "musl-gcc is missing (apt-get install musl-tools)" >&2; exit 1; }
rustup target add "$target"
cargo build --profile "$profile" --locked --target "$target" --package local --package admin
built="${CARGO_TARGET_DIR:-target}/$target/$([ "$profile" = dev ] && echo debug || echo "$profile")"

root="target/image"
rm -rf "$root"
mkdir -p "$root/data" "$root/etc/ssl/certs"
for program in local admin; do
  # The image has no dynamic linker and no libraries.
  headers="$(readelf --program-headers "$built/$program")"
  ! grep -q INTERP <<< "$headers" || { echo "$program is not linked statically" >&2; exit 1; }
  strip --strip-debug -o "$root/$program" "$built/$program"
done
for authorities in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ -f "$authorities" ] || continue
  cp --dereference "$authorities" "$root/etc/ssl/certs/ca-certificates.crt"
  break
done
[ -s "$root/etc/ssl/certs/ca-certificates.crt" ] || { echo "no bundle of CA certificates was found on this machine" >&2; exit 1; }
[ "${1:-}" = layout ] || docker build --quiet --tag runo --file tools/local/Dockerfile "$root"
