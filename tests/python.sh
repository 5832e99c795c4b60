# Source this in the repository's root.

# Python compiles each module once, into target. Many machines for CI forbid that; each of AWS's tools then takes three times as long.
export PYTHONDONTWRITEBYTECODE="" PYTHONPYCACHEPREFIX="$PWD/target/tools/pycache"

# python_environment FOLDER SECONDS PACKAGE...: makes FOLDER a virtual environment with the packages, which are named as for pip
# ("name==version", or "-r FILE" with further options), unless it is one. If it cannot, it sets "why" and fails.
# uv installs them, because pip needs twenty times as much processor time. Its settings are uv's, such as UV_DEFAULT_INDEX.
why=""
python_environment() {
  local folder="$1" seconds="$2" argument uv made_from
  shift 2
  made_from="$(for argument in "$@"; do if [ -f "$argument" ]; then cat "$argument"; else echo "$argument"; fi; done)"
  if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/made-from" 2>/dev/null)" = "$made_from" ]; then return; fi
  why="python3 is missing"
  command -v python3 >/dev/null 2>&1 || return
  why="python3 is older than 3.10"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || return
  why="uv could not be installed (it needs python3 with venv, and PyPI)"
  uv="$(uv_program)" || return
  why="these packages could not be installed from PyPI: $*"
  rm -rf "$folder"
  "$uv" venv --quiet --no-cache --no-python-downloads --python python3 "$folder" || return
  timeout "$seconds" "$uv" pip install --quiet --no-cache --python "$folder/bin/python" "$@" || return
  printf '%s\n' "$made_from" > "$folder/made-from"
}

# Prints the path of uv: of the one on the PATH, or of the one that it installs into target/tools.
uv_program() {
  local version=0.13.9 program folder code=0
  command -v uv && return
  program="$PWD/target/tools/uv-$version"
  if [ ! -x "$program" ]; then
    folder="$(mktemp -d)"
    # Another script may install it at the same time. A rename replaces it at once.
    { mkdir -p target/tools && python3 -m venv "$folder" &&
      timeout 120 "$folder/bin/pip" install --quiet --no-compile --disable-pip-version-check "uv==$version" &&
      cp "$folder/bin/uv" "$program.$$" && mv "$program.$$" "$program"; } >&2 || code=$?
    rm -rf "$folder"
    [ "$code" = 0 ] || return "$code"
  fi
  echo "$program"
}
