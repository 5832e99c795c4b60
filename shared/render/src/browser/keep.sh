# Starts a browser with its pipe at descriptors 3 and 4, and makes sure that nothing of it outlives the process that
# started it. Usage: sh -c keep.sh NAME OWNER FOLDER PROGRAM FLAGS... Commands arrive on stdin, answers go to stdout.
owner=$1 folder=$2
shift 2
exec 3<&0 4>&1 </dev/null >/dev/null
command -v setpriv && command -v setsid || exec "$@"

# The kernel signals this shell when its parent dies (also by kill -9), and the browser when this shell dies.
if [ -z "$RUNO_KEPT" ]; then
  export RUNO_KEPT=1
  exec setpriv --pdeathsig TERM sh -c "$RUNO_KEEP" keep "$owner" "$folder" "$@" <&3 >&4
fi
end() {
  trap '' TERM
  kill -KILL "-$browser" "$browser"
  wait "$browser"
  rm -rf "$folder"
  exit 0
}
browser=
unset RUNO_KEPT RUNO_KEEP
# The parent may have died before the kernel was asked to signal it.
[ "$PPID" = "$owner" ] || exit 1
setpriv --pdeathsig KILL setsid "$@" &
browser=$!
trap end TERM
[ "$PPID" = "$owner" ] || end
exec 3<&- 4>&-
wait "$browser"
end
