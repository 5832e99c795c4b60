# Source this in the repository's root.
. tests/python.sh

# aws_tools [PROGRAM]...: installs the given programs, or else sam and cfn-lint, from PyPI into a folder of target/tools, and puts
# them first on the path. Calls the caller's "skip" if it cannot.
declare -A aws_packages=([sam]=aws-sam-cli==1.170.0 [cfn-lint]=cfn-lint==1.58.0 [cargo-lambda]=cargo-lambda==1.9.2 [python-zig]=ziglang==0.17.1)

# All functions except "render", which is a container image.
functions=(extract batch crawl jobs mcp worker settle notify)

aws_tools() {
  [ $# -gt 0 ] || set -- sam cfn-lint
  local program packages=()
  for program in "$@"; do packages+=("${aws_packages[$program]}"); done
  tools="$PWD/target/tools/aws-$(IFS=-; echo "$*")"
  python_environment "$tools" 300 "${packages[@]}" || skip "$why"
  export PATH="$tools/bin:$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
}

# cargo-lambda looks for a program called zig.
zig_program() {
  printf '#!/bin/sh\nexec "%s" -m ziglang "$@"\n' "$tools/bin/python" > "$tools/bin/zig"
  chmod +x "$tools/bin/zig"
}

# Copies the Lambda Runtime Interface Emulator that comes with sam, for this machine's processor, to $1.
runtime_emulator() {
  local folder
  folder="$("$tools/bin/python" -c 'import samcli.local.rapid, os; print(list(samcli.local.rapid.__path__)[0])')"
  install -m 755 "$folder/aws-lambda-rie-$(uname -m | sed s/aarch64/arm64/)" "$1"
}

# Prints the processor of a Linux program, x86_64 or arm64, from e_machine of its ELF header.
machine_of() {
  case "$(od -An -t u2 -j 18 -N 2 "$1" | tr -d ' ')" in
    62) echo x86_64 ;;
    183) echo arm64 ;;
  esac
}
