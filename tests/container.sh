#!/usr/bin/env bash
# Opt-in: builds the image for one machine (tools/image.sh) and runs it with compose.yaml, with the commands of
# docs/OPERATIONS.md, in a dockerd of its own that reaches no registry. Checks that the container answers the README's curl, is
# healthy, runs as an unprivileged user on a read-only file system, keeps accounts and results over a restart, migrates an older
# data folder and refuses one of a later version.
#
#   tests/container.sh                # as root; needs dockerd, compose (apt-get install docker.io docker-compose) and musl-gcc
#   PROFILE=dev tests/container.sh    # with debug builds of the programs, which compile faster
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the image for one machine was not tested: $1"
  exit 0
}

if [ "${INSIDE_NAMESPACE:-}" = "" ]; then
  [ "$(id -u)" = 0 ] || skip "dockerd needs root"
  for program in unshare ip dockerd docker curl python3 musl-gcc; do
    command -v "$program" >/dev/null 2>&1 || skip "$program is missing (apt-get install docker.io iproute2 musl-tools)"
  done
  docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null 2>&1 || skip "compose is missing (apt-get install docker-compose)"
  # Builds outside of the namespace, where cargo can download crates.
  tools/image.sh layout
  exec env INSIDE_NAMESPACE=1 unshare --net --mount --pid --fork --mount-proc --kill-child "$0" "$@"
fi

. tests/deploy/dockerd.sh
work="$(mktemp -d)"
finish() {
  code=$?
  [ "$code" = 0 ] || docker compose logs 2>&1 | tail -20 || true
  docker compose down >/dev/null 2>&1 || true
  stop_dockerd "$work"
  rm -rf "$work"
}
trap finish EXIT
start_dockerd "$work" || skip "dockerd does not start here"
mkdir "$work/bin"
export PATH="$work/bin:$PATH" CARGO_NET_OFFLINE=true
# Debian's older compose is a separate program.
if ! docker compose version >/dev/null 2>&1; then
  docker="$(command -v docker)"
  printf '#!/bin/sh\n[ "$1" = compose ] && shift && exec docker-compose "$@"\nexec "%s" "$@"\n' "$docker" > "$work/bin/docker"
  chmod +x "$work/bin/docker"
  hash -r
fi
documented() { python3 tests/deploy/documented.py "$@"; }
# Runs a documented command without a terminal.
run_documented() { [ -n "$1" ] && bash -euo pipefail -c "$1" < /dev/null; }
# The README's settings, and none from the caller's environment.
export RUNO_DEV_KEY=sk_live_try_me FETCH_ALLOW=127.0.0.0/8 SERVER_NAMES="" USER_AGENT="" COMPOSE_PROJECT_NAME=runo

run_documented "$(documented docs/OPERATIONS.md "One machine" "tools/image.sh")" > /dev/null
echo "   the image has $(docker image inspect runo --format '{{.Size}}') bytes, $(docker save runo | gzip | wc -c) compressed"
container() { docker compose ps --quiet runo; }
inspect_container() { docker inspect "$(container)" --format "$1"; }
healthy() {
  for _ in $(seq 300); do
    [ "$(inspect_container '{{.State.Health.Status}}')" = healthy ] && return
    sleep 0.2
  done
  echo "the container did not become healthy" >&2
  return 1
}
up() {
  run_documented "$(documented docs/OPERATIONS.md "One machine" "docker compose up")" 2> /dev/null
  healthy
}

# The README's commands for the container work, too.
run_documented "$(documented README.md "In a container")" > /dev/null 2>&1
up
# The README's curl, verbatim.
awk '/^curl -sS http:.*extract/ { on = 1 } /^```/ { on = 0 } on' README.md > "$work/readme.sh"
answer="$(bash "$work/readme.sh")"
case "$answer" in
  *'"title":"Copper Kettle","price":49.9,"inStock":true'*) ;;
  *) echo "unexpected answer to the README's curl: $answer" >&2; exit 1 ;;
esac
[ "$(inspect_container '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}')" = "65532:65532 true [ALL]" ]
run_documented "$(documented docs/OPERATIONS.md "One machine" "docker compose logs")" | grep "listening on" > /dev/null
key="$(run_documented "$(documented docs/OPERATIONS.md "One machine" "docker compose exec" | sed 's/exec runo/exec -T runo/')" | sed -n 's/.*\(sk_live_[A-Za-z0-9]*\).*/\1/p')"
call() { curl -sS --fail -H "X-API-Key: $key" -H "Content-Type: application/json" "$@"; }
job="$(call --include http://127.0.0.1:8080/v1/batch -d '{"urls": ["http://127.0.0.1:8080/sample/product"], "schema": [{"field": "title", "type": "string", "example": "A title"}]}' |
  sed -n 's/^x-job-id: *\(job_[0-9a-z]*\).*/\1/ip')"
check_results() { call "http://127.0.0.1:8080/v1/jobs/$job/result" | grep "Copper Kettle" > /dev/null; }
check_results
echo "   it answers the README's curl and is healthy"

# A Host that is not in SERVER_NAMES is refused.
refused="$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: runo.example.com' http://127.0.0.1:8080/health)"
[ "$refused" = 400 ]

# A stop ends the server in time. The next container finds its accounts and results.
begun="$(date +%s)"
docker compose stop 2> /dev/null
[ "$(docker inspect "$(docker ps --all --quiet --filter name=runo)" --format '{{.State.ExitCode}}')" = 0 ]
[ "$(($(date +%s) - begun))" -lt 20 ]
docker compose down 2> /dev/null
export SERVER_NAMES=runo.example.com
up
check_results
curl -sS --fail -o /dev/null -H 'Host: runo.example.com' http://127.0.0.1:8080/health
echo "   it stops cleanly, and a new container continues with its volume"

# After a kill, it continues with its volume, too.
docker kill --signal KILL "$(container)" > /dev/null
docker compose up -d 2> /dev/null
healthy
check_results
echo "   after a kill, it starts again with its accounts and results"

# A data folder from before layouts were numbered is migrated. One of a later version is refused, with the reason in the log.
data="$(docker volume inspect runo_data --format '{{.Mountpoint}}')"
[ "$(cat "$data/layout")" = 1 ]
docker compose down 2> /dev/null
rm "$data/layout"
up
check_results
[ "$(cat "$data/layout")" = 1 ]
docker compose down 2> /dev/null
echo 2 > "$data/layout"
docker compose run -T --no-deps --name refused runo > /dev/null 2> "$work/refused.log" < /dev/null && exit 1
docker logs refused 2>&1 | grep "a later version of this program wrote it (layout 2; this one knows 1)" > /dev/null
[ "$(cat "$data/layout")" = 2 ]
echo "   it migrates an older data folder and refuses one of a later version"
