#!/usr/bin/env bash
# Opt-in: runs "sam local invoke" and "sam local start-api" for every function in real containers, as in docs/OPERATIONS.md.
# A separate dockerd (Debian's docker.io) runs in a network namespace that has only loopback and Docker's bridge: nothing can
# reach the real AWS, and the machine's own Docker is not touched. No registry is used: a substitute for AWS's image is built
# here from busybox and the machine's glibc. Takes some minutes: each event runs in a container.
#
#   tests/sam_local.sh      # as root, after "cargo build --workspace --bins"; needs dockerd, busybox-static, python3, PyPI
set -euo pipefail
cd "$(dirname "$0")/.."
repo="$PWD"

skip() {
  echo "SKIPPED: \"sam local\" was not tested: $1"
  exit 0
}

. tests/deploy/tools.sh
if [ "${INSIDE_NAMESPACE:-}" = "" ]; then
  [ "$(id -u)" = 0 ] || skip "dockerd needs root"
  for program in unshare ip dockerd docker busybox python3; do
    command -v "$program" >/dev/null 2>&1 || skip "$program is missing (apt-get install docker.io busybox-static iproute2)"
  done
  aws_tools
  export BUILT="${CARGO_TARGET_DIR:-$repo/target}/debug"
  [ -x "$BUILT/extract" ] && [ -x "$BUILT/local" ] || { echo "run \"cargo build --workspace --bins\" first"; exit 1; }
  exec env INSIDE_NAMESPACE=1 unshare --net --mount --pid --fork --mount-proc --kill-child "$0" "$@"
fi

. tests/deploy/dockerd.sh
aws_tools
work="$(mktemp -d)"
finish() {
  code=$?
  [ "$code" = 0 ] || tail -n 30 "$work"/{data,invoke,api}.log 2>/dev/null || true
  stop_dockerd "$work"
  rm -rf "$work"
}
trap finish EXIT

start_dockerd "$work" || skip "dockerd does not start on this machine"

# The substitute for AWS's image of provided.al2023: a shell, which sam needs to change the image, the C library, CA
# certificates. The events name a page on this machine, which only FETCH_ALLOW permits. Neither AWS's image nor the template
# sets that variable.
root="$work/image"
mkdir -p "$root"/{bin,tmp,etc/ssl/certs,var/task,var/rapid}
cp "$(command -v busybox)" "$root/bin/busybox"
for name in sh mv chmod cp; do ln -s busybox "$root/bin/$name"; done
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
ldd "$BUILT/extract" | grep -o '/[^ ]*' | sort -u | xargs -I{} cp --parents -L {} "$root"
bridge=172.17.0.1
architecture="$(uname -m | sed s/aarch64/arm64/)"
tar -C "$root" -c . | docker import --change "ENV FETCH_ALLOW=$bridge/32 PATH=/bin" - "public.ecr.aws/lambda/provided:al2023-$architecture" > /dev/null
echo "   the image has $(du -sh "$root" | cut -f1)"

# Creates what "sam build" would create.
python tests/deploy/sam_build.py template.yaml "$BUILT" "$work/build"
python tests/rie/sam_local.py "$work" "$BUILT/local" "$bridge" "$architecture"

# Runs the commands that docs/OPERATIONS.md gives for three shells. "cargo run" and "sam build" use what is already built.
documented() { python3 "$repo/tests/deploy/documented.py" "$repo/$1" "${@:2}"; }
folder="$work/documented"
mkdir -p "$folder/bin" "$folder/.aws-sam" "$folder/tools"
ln -s "$work/build" "$folder/.aws-sam/build"
ln -s "$repo/events" "$repo/samconfig.toml" "$folder/"
ln -s "$repo/tools/local" "$folder/tools/local"
printf '#!/bin/sh\nexec "%s/local"\n' "$BUILT" > "$folder/bin/cargo"
chmod +x "$folder/bin/cargo"
export SAM_SKIP_PULL_IMAGE=true
# in_shell LOG COMMAND: runs in the background until this script's namespace ends.
in_shell() { (cd "$folder" && PATH="$folder/bin:$PATH" exec bash -c "$2" > "$work/$1" 2>&1 < /dev/null) & }
until_logged() {
  for _ in $(seq 600); do
    grep -q "$2" "$work/$1" && return
    sleep 0.1
  done
  tail -20 "$work/$1" >&2
  return 1
}
for_this_machine() { sed "s/Architecture=x86_64/Architecture=$architecture/g"; }
in_shell data.log "FETCH_ALLOW=$bridge/32 $(documented docs/OPERATIONS.md "On your own machine" "BIND_ADDRESS=")"
until_logged data.log "listening on"
eval "$(grep -o 'export AWS_[A-Z_]*=[^ ]*' "$work/data.log")"
(cd "$folder" && eval "$(documented docs/OPERATIONS.md "On your own machine" "sam local invoke" | for_this_machine)") 2> "$work/invoke.log" | grep '\\"status\\":\\"ok\\"' > /dev/null
in_shell api.log "$(documented docs/OPERATIONS.md "On your own machine" "sam local start-api" | for_this_machine)"
until_logged api.log "Running on http://127.0.0.1:3000"
# The page in the documentation cannot be reached from here.
eval "$(documented docs/OPERATIONS.md "On your own machine" "curl" | sed "s|https://example.com/|http://$bridge:8080/sample/product|")" | grep '"title":"Copper Kettle"' > /dev/null
echo "   the commands of docs/OPERATIONS.md for three shells work"
