#!/usr/bin/env bash
# Opt-in: builds the image for one machine (tools/image.sh) and runs it, in a dockerd of its own that reaches no registry: it
# answers the README's curl, is healthy, runs as nobody on a read-only file system, keeps its accounts for
# another process, and refuses a folder of a later version. Its programs are those of a debug build, which is there already.
#
#   tests/container.sh      # as root; needs dockerd (apt-get install docker.io)
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the image for one machine was not tried: $1"
  exit 0
}

if [ "${INSIDE_NAMESPACE:-}" = "" ]; then
  [ "$(id -u)" = 0 ] || skip "dockerd needs root"
  for program in unshare ip dockerd docker curl; do
    command -v "$program" >/dev/null 2>&1 || skip "there is no $program (apt-get install docker.io iproute2)"
  done
  # Outside: cargo may fetch.
  tools/image.sh layout dev
  exec env INSIDE_NAMESPACE=1 unshare --net --mount --pid --fork --mount-proc --kill-child "$0" "$@"
fi

. tests/deploy/dockerd.sh
work="$(mktemp -d)"
finish() {
  code=$?
  [ "$code" = 0 ] || docker logs runo 2>&1 | tail -20 || true
  docker rm -f runo >/dev/null 2>&1 || true
  stop_dockerd "$work"
  rm -rf "$work"
}
trap finish EXIT
start_dockerd "$work" || skip "dockerd does not start here"

docker build --quiet --tag runo --file tools/local/Dockerfile target/image > /dev/null
echo "   the image has $(docker image inspect runo --format '{{.Size}}') bytes, $(docker save runo | gzip | wc -c) packed"

# As compose.yaml says.
run() {
  docker run --detach --name runo --publish 127.0.0.1:8080:8080 --volume data:/data --read-only --cap-drop ALL \
    --security-opt no-new-privileges:true --env RUNO_DEV_KEY=sk_live_try_me --env FETCH_ALLOW=127.0.0.0/8 "$@" runo > /dev/null
}
healthy() {
  for _ in $(seq 300); do
    [ "$(docker inspect runo --format '{{.State.Health.Status}}')" = healthy ] && return
    sleep 0.2
  done
  echo "it does not become healthy" >&2
  return 1
}
admin() { docker exec runo /admin --data-dir /data "$@"; }

run
healthy
# The README's command, as it stands there.
awk '/^curl -sS http:.*extract/ { on = 1 } /^```/ { on = 0 } on' README.md > "$work/readme.sh"
answer="$(bash "$work/readme.sh")"
case "$answer" in
  *'"title":"Copper Kettle","price":49.9,"inStock":true'*) ;;
  *) echo "the README's curl got: $answer" >&2; exit 1 ;;
esac
[ "$(docker inspect runo --format '{{.Config.User}}')" = 65532:65532 ]
key="$(admin --json account create --plan pro --id shop | sed -n 's/.*"key": *"\([^"]*\)".*/\1/p')"
usage() { curl -sS --fail http://127.0.0.1:8080/v1/usage -H "X-API-Key: $key"; }
usage > /dev/null
echo "   it answers the README's curl, and is healthy"

# By its name callers ask from elsewhere only if it was told that name.
refused="$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: runo.example.com' http://127.0.0.1:8080/health)"
[ "$refused" = 400 ]

# A stop ends it in time; what comes after it finds the accounts.
begun="$(date +%s)"
docker stop --time 30 runo > /dev/null
[ "$(docker inspect runo --format '{{.State.ExitCode}}')" = 0 ]
[ "$(($(date +%s) - begun))" -lt 20 ]
docker rm runo > /dev/null
run --env SERVER_NAMES=runo.example.com
healthy
usage > /dev/null
curl -sS --fail -o /dev/null -H 'Host: runo.example.com' http://127.0.0.1:8080/health
echo "   stopped cleanly, and another one goes on with its volume"

# Of a later version's folder it says what is the matter.
data="$(docker volume inspect data --format '{{.Mountpoint}}')"
[ "$(cat "$data/layout")" = 1 ]
docker rm -f runo > /dev/null
echo 2 > "$data/layout"
run
[ "$(docker wait runo)" = 1 ]
docker logs runo 2>&1 | grep -q "a later version of this program wrote it (layout 2; this one knows 1)"
echo "   a later version's folder is refused"
