#!/usr/bin/env bash
# Deploys template.yaml with "sam deploy" into an emulated AWS (ministack, from PyPI), drives the deployment over its API
# gateway, and deletes it. Its functions are scripts that start the binaries of "cargo build --workspace --bins", which run
# with TLS, SigV4 and the template's roles, whose permissions on tables the emulator checks. Runs in a network namespace that
# has only loopback, so nothing can reach the real AWS. "documented" reads commands from docs/OPERATIONS.md, and
# "run_documented" runs them.
#
#   tests/emulated.sh            # needs unshare with user namespaces, python3, openssl and PyPI
#   tests/emulated.sh --without ExtractRole dynamodb:PutItem   # removes a permission first: the run has to fail
#   KEEP=1 tests/emulated.sh     # keeps the logs and prints their folder
#
# tests/emulated/lay_out.py works around what the emulator lacks, and fails if a workaround no longer applies. This run does
# not cover streaming, the gateway's own responses (mocks included), throttles and arm64.
set -euo pipefail
cd "$(dirname "$0")/.."
repo="$PWD"
tools="$repo/target/tools/emulated"
# These versions work together: each requires a certain version of boto3 or botocore.
packages=(ministack==1.5.33 aws-sam-cli==1.167.0 awscli==1.46.3)
# The region in the documentation's commands.
region=eu-west-1

skip() {
  echo "SKIPPED: the template was not deployed into an emulated AWS: $1"
  exit 0
}

if [ "${INSIDE_NAMESPACE:-}" = "" ]; then
  for program in unshare ip openssl python3; do
    command -v "$program" >/dev/null 2>&1 || skip "$program is missing"
  done
  unshare --map-root-user --user --net --mount true 2>/dev/null || skip "user namespaces are not allowed here"
  . tests/python.sh
  python_environment "$tools" 300 "${packages[@]}" || skip "$why"
  binaries="${CARGO_TARGET_DIR:-$repo/target}/debug"
  [ -x "$binaries/extract" ] && [ -x "$binaries/admin" ] || { echo "run \"cargo build --workspace --bins\" first"; exit 1; }
  exec env INSIDE_NAMESPACE=1 BINARIES="$binaries" unshare --map-root-user --user --net --mount --pid --fork --mount-proc --kill-child "$0" "$@"
fi

work="$(mktemp -d)"
finish() {
  code=$?
  if [ "${KEEP:-}" ] || [ "$code" != 0 ]; then echo "logs are in $work"; else rm -rf "$work"; fi
}
trap finish EXIT
step() { printf '   %s %s\n' "$(date +%T)" "$*"; }

ip link set lo up
# The names of AWS's endpoints resolve to the emulator.
echo "127.0.0.1 localhost dynamodb.$region.amazonaws.com sqs.$region.amazonaws.com lambda.$region.amazonaws.com" > "$work/hosts"
mount --bind "$work/hosts" /etc/hosts
cd "$work"
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new_key[@]}" -keyout ca.key -out ca.crt -days 2 -subj "/CN=emulated authority" 2>/dev/null
openssl req "${new_key[@]}" -keyout server.key -out server.csr -subj "/CN=emulated" 2>/dev/null
printf 'subjectAltName=DNS:localhost,DNS:*.%s.amazonaws.com\nbasicConstraints=CA:FALSE\n' "$region" > extensions
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile extensions 2>/dev/null

"$tools/bin/python" "$repo/tests/emulated/site.py" 8080 > site.log 2>&1 &
mkdir functions
# FETCH_ALLOW reaches the functions through the emulator's environment: the template does not have it.
env -u AWS_ENDPOINT_URL TMPDIR="$work/functions" BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 AUTH=true MINISTACK_REGION="$region" \
  USE_SSL=1 MINISTACK_SSL_CERT="$work/server.crt" MINISTACK_SSL_KEY="$work/server.key" SSL_CERT_FILE="$work/ca.crt" \
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test FETCH_ALLOW=127.0.0.0/8 "$tools/bin/ministack" > ministack.log 2>&1 &
"$tools/bin/python" "$repo/tests/emulated/forward.py" 443 4566 &

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION="$region" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_ENDPOINT_URL=https://localhost:4566 AWS_CA_BUNDLE="$work/ca.crt" SSL_CERT_FILE="$work/ca.crt" PATH="$work/bin:$tools/bin:$PATH" PAGER=cat
python "$repo/tests/emulated/lay_out.py" "$repo/template.yaml" "$BINARIES" "$work/.aws-sam/build" "$@"
cp "$repo/samconfig.toml" .
python "$repo/tests/emulated/wait_for.py" 443 4566 8080

# "cargo run -q -p admin --" starts the operator's tool that is already built.
mkdir bin
printf '#!/bin/sh\n[ "$1 $2 $3 $4 $5" = "run -q -p admin --" ] || exit 1\nshift 5\nexec "%s/admin" "$@"\n' "$BINARIES" > bin/cargo
chmod +x bin/cargo
documented() { python "$repo/tests/deploy/documented.py" "$repo/$1" "${@:2}"; }
# run_documented COMMANDS: runs them in a shell without a terminal. Standard input answers their questions.
run_documented() {
  [ -n "$1" ] || exit 1
  setsid --wait bash -euo pipefail -c "$1" 2> documented.log || { { printf 'this failed: %s\n' "$1"; tail -30 documented.log; } >&2; exit 1; }
}
# run_quietly COMMANDS: the same, but prints the output only if they fail.
run_quietly() { (run_documented "$1") > deploy.log || { tail -30 deploy.log; exit 1; }; }
# first PATTERN: prints the first match. It reads all of its input, so that the program that writes it does not fail.
first() { grep -o "$1" | sed -n 1p; }
admin() { cargo run -q -p admin -- --region "$region" "$@"; }
second_tables=(--accounts-table runo-prod-accounts --jobs-table runo-prod-jobs --hosts-table runo-prod-hosts)

run_documented "$(documented docs/OPERATIONS.md "Before the first deployment")" > /dev/null
run_quietly "$(documented README.md "Deploy it" "sam deploy")" < <(yes)
step "the stack is deployed"
run_documented "$(documented docs/OPERATIONS.md "First account and key" "cargo run -q -p admin -- --region eu-west-1 account")" > account.log
key="$(grep -om1 'sk_live_[A-Za-z0-9]*' account.log)"
secret="$(run_documented "$(documented docs/OPERATIONS.md "First account and key" "cargo run -q -p admin -- --region eu-west-1 hook")" | first 'whsec_[A-Za-z0-9+/=]*')"
python "$repo/tests/emulated/drive.py" "$key" runo "$secret"

run_quietly "$(documented docs/OPERATIONS.md "Deploy" "sam deploy --config-env prod")" < <(yes)
step "a second stack is deployed beside it"
second_key="$(admin "${second_tables[@]}" account create --plan free --id shop --json | first 'sk_live_[A-Za-z0-9]*')"
python "$repo/tests/emulated/second_stack.py" "$second_key" runo-prod "$key"
run_documented "$(documented docs/OPERATIONS.md "First account and key" "cargo run -q -p admin -- --region eu-west-1 --accounts-table runo-prod-accounts")" | grep free > /dev/null

# An update while a job runs: a setting changes, so that every function is replaced.
python "$repo/tests/emulated/update.py" begin "$key" runo > job
run_quietly "$(documented docs/OPERATIONS.md "Deploy" "sam deploy --parameter-overrides")" < <(yes)
python "$repo/tests/emulated/update.py" end "$key" runo "$(cat job)"
step "the stack was updated while a job ran, and the job completed"
# A deployment without a change succeeds.
run_quietly "$(documented docs/OPERATIONS.md "Upgrade" "sam deploy")" < <(yes)

# Stops a job, an account, a key and the webhook secrets.
job="$(python "$repo/tests/emulated/update.py" begin "$key" runo)"
run_documented "$(documented docs/OPERATIONS.md "Further keys")" > keys.log
other="$(first 'sk_live_[A-Za-z0-9]*' < keys.log)"
grep -q 'sk_static_[A-Za-z0-9]' keys.log || { echo "no static key was created:"; cat keys.log; exit 1; }
stopped="$repo/tests/emulated/stopped.py"
run_documented "$(documented docs/OPERATIONS.md "Stop jobs, accounts and keys" "cargo run -q -p admin -- --region eu-west-1 job" | sed "s/job_0123456789abcdef/$job/")" > /dev/null
python "$stopped" cancelled "$key" runo "$job"
run_documented "$(documented docs/OPERATIONS.md "Stop jobs, accounts and keys" "cargo run -q -p admin -- --region eu-west-1 account suspend")" > /dev/null
python "$stopped" suspended "$key" runo
run_documented "$(documented docs/OPERATIONS.md "Stop jobs, accounts and keys" "cargo run -q -p admin -- --region eu-west-1 account resume")" > /dev/null
python "$stopped" served "$other" runo
run_documented "$(documented docs/OPERATIONS.md "Stop jobs, accounts and keys" "cargo run -q -p admin -- --region eu-west-1 key revoke")" <<< "$other" > /dev/null
python "$stopped" unknown "$other" runo
run_documented "$(documented docs/OPERATIONS.md "Stop jobs, accounts and keys" "cargo run -q -p admin -- --region eu-west-1 hook secret revoke")" > /dev/null
step "a job, an account and a key were stopped"

run_documented "$(documented docs/OPERATIONS.md "A broken invariant")" > /dev/null
# The output goes through a pipe, because the last command reopens its standard output, which would truncate a file.
run_documented "$(documented docs/OPERATIONS.md "A sweep that does not report")" | cat > swept.log
grep -q '"looked_after"' swept.log && grep -q '"State": "ENABLED"' swept.log

# Restores the accounts table. (The emulator has no point-in-time recovery: it copies the current rows.)
run_documented "$(documented docs/OPERATIONS.md "Backup")" > /dev/null
admin account suspend shop > /dev/null
python "$stopped" suspended "$key" runo
eval "$(documented docs/OPERATIONS.md "Restore" "api_functions=")"
run_documented "api_functions='$api_functions'; $(documented docs/OPERATIONS.md "Restore" "for name in \$api_functions; do aws lambda put")" > /dev/null
python "$stopped" closed "$key" runo
[ "$(run_documented "$(documented docs/OPERATIONS.md "Restore" "aws dynamodb scan")")" = 0 ]
run_documented "$(documented docs/OPERATIONS.md "Restore" "aws dynamodb update")" > /dev/null
run_documented "$(documented docs/OPERATIONS.md "Restore" "cargo run")" > /dev/null
run_quietly "$(documented docs/OPERATIONS.md "Restore" "sam deploy")" < <(yes)
run_documented "api_functions='$api_functions'; $(documented docs/OPERATIONS.md "Restore" "for name in \$api_functions; do aws lambda delete")" > /dev/null
python "$stopped" served "$key" runo
run_documented "$(documented docs/OPERATIONS.md "Restore" "cargo run")" > /dev/null
step "the stack runs on a restored table"

python "$repo/tests/emulated/logs.py" runo 100
python "$repo/tests/emulated/logs.py" runo-prod 5
python "$repo/tests/emulated/parameters.py" runo "UserAgent=Acme/1.0 (+https://example.com/bot)" AlarmEmail=you@example.com UseAccountsTable=runo-accounts-restored
run_quietly "sam delete --stack-name runo-prod --no-prompts"
run_quietly "$(documented docs/OPERATIONS.md "Teardown")" < <(yes)
python "$repo/tests/emulated/deleted.py" runo
python "$repo/tests/emulated/deleted.py" runo-prod
step "both stacks are deleted; the accounts tables are still there"
