# To be sourced in the repository's root: "aws_tools [PROGRAM]..." makes sure that target/tools/aws has AWS's own tools from
# PyPI, sam always and these programs too, and puts them first on the path. It calls the caller's "skip" where it cannot.
tools="$PWD/target/tools/aws"
# Known to work together; a newer one is tried by hand.
declare -A aws_packages=([sam]=aws-sam-cli==1.170.0 [cfn-lint]=cfn-lint==1.58.0 [cargo-lambda]=cargo-lambda==1.9.2 [python-zig]=ziglang==0.17.1)

aws_tools() {
  local wanted=(sam "$@") missing=() program
  for program in "${wanted[@]}"; do
    [ -x "$tools/bin/$program" ] || missing+=("${aws_packages[$program]}")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    command -v python3 >/dev/null 2>&1 || skip "there is no python3"
    [ -x "$tools/bin/python" ] || python3 -m venv "$tools" || skip "python3 cannot make a virtual environment"
    timeout 300 "$tools/bin/pip" install --quiet --no-compile --disable-pip-version-check "${missing[@]}" ||
      skip "PyPI did not give ${missing[*]}"
  fi
  export PATH="$tools/bin:$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
}

# cargo-lambda looks for a program called zig.
zig_program() {
  printf '#!/bin/sh\nexec "%s" -m ziglang "$@"\n' "$tools/bin/python" > "$tools/bin/zig"
  chmod +x "$tools/bin/zig"
}

# The Lambda Runtime Interface Emulator that sam has with it, of this machine's processor, as $1.
runtime_emulator() {
  local there
  there="$("$tools/bin/python" -c 'import samcli.local.rapid, os; print(list(samcli.local.rapid.__path__)[0])')"
  install -m 755 "$there/aws-lambda-rie-$(uname -m | sed s/aarch64/arm64/)" "$1"
}
