#!/usr/bin/env bash
# Builds the image "runo" for one machine, on nothing (FROM scratch), so that no base image is fetched: the local server, the
# operator's tool, the C library that they are linked with, and the authorities of TLS. On Linux, for this machine's processor.
#
#   tools/image.sh              # builds the programs for release, and the image
#   tools/image.sh layout       # stops before Docker: target/image is the image's file system
#   PROFILE=dev tools/image.sh  # uses a debug build
set -euo pipefail
cd "$(dirname "$0")/.."

profile="${PROFILE:-release}"
cargo build --profile "$profile" --locked --package local --package admin
built="${CARGO_TARGET_DIR:-target}/$([ "$profile" = dev ] && echo debug || echo "$profile")"

root="target/image"
rm -rf "$root"
mkdir -p "$root/data" "$root/etc/ssl/certs"
for program in local admin; do
  strip --strip-debug -o "$root/$program" "$built/$program" 2>/dev/null || cp "$built/$program" "$root/"
done
# Where the programs look for it, the loader included.
ldd "$built/local" "$built/admin" | grep -o '/[^ :]*\.so[^ ]*' | sort -u | xargs -I{} cp --parents --dereference {} "$root"
for authorities in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ -f "$authorities" ] || continue
  cp --dereference "$authorities" "$root/etc/ssl/certs/ca-certificates.crt"
  break
done
[ -s "$root/etc/ssl/certs/ca-certificates.crt" ] || { echo "this machine has no bundle of authorities" >&2; exit 1; }
[ "${1:-}" = layout ] || docker build --quiet --tag runo --file tools/local/Dockerfile "$root"
