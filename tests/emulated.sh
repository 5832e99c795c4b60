#!/usr/bin/env bash
# Deploys template.yaml with "sam deploy" into an emulated AWS (ministack, from PyPI), drives the deployment over its API
# gateway, and deletes it. The binaries are those of "cargo build --workspace --bins", real bootstraps behind TLS, SigV4 and
# the roles of the template, which the emulator asks about tables. All of it runs in a network namespace that has only loopback: nothing can reach the real AWS.
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
# Known to work together; sam asks for a boto3 of its own, so both come in one call.
packages=(ministack==1.5.33 aws-sam-cli==1.167.0)

skip() {
  echo "SKIPPED: the template was not deployed into an emulated AWS: $1"
  exit 0
}

if [ "${INSIDE_NAMESPACE:-}" = "" ]; then
  for program in unshare ip openssl python3; do
    command -v "$program" >/dev/null 2>&1 || skip "$program is missing"
  done
  unshare --map-root-user --user --net --mount true 2>/dev/null || skip "user namespaces are not allowed here"
  if ! [ -x "$tools/bin/ministack" ] || ! [ -x "$tools/bin/sam" ]; then
    python3 -m venv "$tools" || skip "python3 cannot make a virtual environment"
    timeout 300 "$tools/bin/pip" install --quiet --no-compile --disable-pip-version-check "${packages[@]}" || skip "PyPI did not give ${packages[*]}"
  fi
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
# The names that the SDK asks for lead to the emulator.
echo "127.0.0.1 localhost dynamodb.us-east-1.amazonaws.com sqs.us-east-1.amazonaws.com lambda.us-east-1.amazonaws.com" > "$work/hosts"
mount --bind "$work/hosts" /etc/hosts
cd "$work"
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new_key[@]}" -keyout ca.key -out ca.crt -days 2 -subj "/CN=emulated authority" 2>/dev/null
openssl req "${new_key[@]}" -keyout server.key -out server.csr -subj "/CN=emulated" 2>/dev/null
printf 'subjectAltName=DNS:localhost,DNS:*.us-east-1.amazonaws.com\nbasicConstraints=CA:FALSE\n' > extensions
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile extensions 2>/dev/null

"$tools/bin/python" "$repo/tests/emulated/site.py" 8080 > site.log 2>&1 &
mkdir functions
# FETCH_ALLOW reaches the functions through the emulator's environment: the template does not have it.
env -u AWS_ENDPOINT_URL TMPDIR="$work/functions" BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 AUTH=true \
  USE_SSL=1 MINISTACK_SSL_CERT="$work/server.crt" MINISTACK_SSL_KEY="$work/server.key" SSL_CERT_FILE="$work/ca.crt" \
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test FETCH_ALLOW=127.0.0.0/8 "$tools/bin/ministack" > ministack.log 2>&1 &
"$tools/bin/python" "$repo/tests/emulated/forward.py" 443 4566 &

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_ENDPOINT_URL=https://localhost:4566 AWS_CA_BUNDLE="$work/ca.crt" SSL_CERT_FILE="$work/ca.crt" PATH="$tools/bin:$PATH"
python "$repo/tests/emulated/lay_out.py" "$repo/template.yaml" "$BINARIES" "$work/build" "$@"
python "$repo/tests/emulated/wait_for.py" 443 4566 8080

# deploy STACK [PARAMETER=VALUE...]
deploy() {
  local parameters=("${@:2}")
  sam deploy --template build/template.yaml --stack-name "$1" --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset \
    --no-progressbar --no-fail-on-empty-changeset --parameter-overrides "${parameters[@]:-LogLevel=info}" >> deploy.log 2>&1 ||
    { tail -30 deploy.log; exit 1; }
}
field() { python -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
admin() { "$BINARIES/admin" --region us-east-1 "$@"; }

deploy runo
step "the stack is deployed"
# As docs/OPERATIONS.md says.
key="$(admin account create --plan pro --id shop --json | field key)"
admin account topup shop 1000 > /dev/null
secret="$(admin hook secret create --account shop --json | field secret)"
python "$repo/tests/emulated/drive.py" "$key" runo "$secret"

deploy runo-second
step "a second stack is deployed beside it"
in_second=(--accounts-table runo-second-accounts --jobs-table runo-second-jobs --hosts-table runo-second-hosts)
second_key="$(admin "${in_second[@]}" account create --plan free --id shop --json | field key)"
python "$repo/tests/emulated/second.py" "$second_key" runo-second "$key"

# An update while a job runs: what is configured changes, so that every function is replaced.
python "$repo/tests/emulated/update.py" begin "$key" runo > job
deploy runo LogLevel=debug
python "$repo/tests/emulated/update.py" end "$key" runo "$(cat job)"
step "the stack was updated while a job ran, and the job completed"

admin check

# The accounts as they were before a damage, by docs/OPERATIONS.md#restore.
python "$repo/tests/emulated/restore.py" begin runo
admin account suspend shop > /dev/null
admin --accounts-table runo-accounts-restored check
python "$repo/tests/emulated/restore.py" damaged "$key" runo
deploy runo UseAccountsTable=runo-accounts-restored
python "$repo/tests/emulated/restore.py" end "$key" runo
admin --accounts-table runo-accounts-restored check
step "the stack runs on a restored table"

python "$repo/tests/emulated/logs.py" runo
for stack in runo-second runo; do
  sam delete --stack-name "$stack" --no-prompts --region us-east-1 > delete.log 2>&1 || { tail -30 delete.log; exit 1; }
done
python "$repo/tests/emulated/gone.py" runo
step "both stacks are deleted; the accounts tables are still there"
