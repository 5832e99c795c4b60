# Source this in a script that runs in network, mount and process namespaces of its own. "start_dockerd FOLDER" starts a
# dockerd with its files in FOLDER and a bridge of its own, and sets DOCKER_HOST; "stop_dockerd FOLDER" stops it.
start_dockerd() {
  ip link set lo up
  dockerd --iptables=false --ip-masq=false --data-root "$1/docker" --exec-root "$1/docker-run" --pidfile "$1/docker.pid" \
    --host "unix://$1/docker.sock" > "$1/docker.log" 2>&1 &
  export DOCKER_HOST="unix://$1/docker.sock"
  for _ in $(seq 300); do
    docker version >/dev/null 2>&1 && return
    sleep 0.2
  done
  tail -5 "$1/docker.log"
  return 1
}

stop_dockerd() {
  [ -s "$1/docker.pid" ] || return 0
  kill "$(cat "$1/docker.pid")" 2>/dev/null || return 0
  while [ -e "$1/docker.pid" ]; do sleep 0.1; done
}
