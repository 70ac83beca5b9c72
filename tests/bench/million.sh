#!/bin/bash
# A file of a million prompts through vertexctl, vertexd and the emulator at no
# latency; prints the resident memory of both sides at each tenth of the run.
#
#   million.sh [BIN_FOLDER [ITEMS [MAX_CONCURRENCY]]]   build/release/bin 1000000 200
set -euo pipefail
bin=${1:-build/release/bin}
items=${2:-1000000}
concurrency=${3:-200}
dir=$(mktemp -d)
pids=()

cleanup() {
  for pid in "${pids[@]}"; do
    kill -9 "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
}
trap cleanup EXIT

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null || true; }

coproc emulator { exec "$bin/vertexd-emulator" --listen 127.0.0.1:0 2>/dev/null; }
pids+=("$emulator_PID")
read -r -t 60 _ _ url <&"${emulator[0]}"
"$bin/vertexd" --listen "unix:$dir/socket" --base-url "$url" --project p \
  --api-key k --default-model m >"$dir/server.log" 2>&1 &
server=$!
pids+=("$server")
until grep -qs listening "$dir/server.log"; do
  kill -0 "$server"
  sleep 0.05
done
seq "$items" | sed 's/.*/{"id":"item-&","prompt":"prompt number &"}/' \
  >"$dir/in.jsonl"

echo "at the start: server $(resident "$server") kB"
: >"$dir/out.jsonl"
start=$SECONDS
"$bin/vertexctl" batch --target "unix:$dir/socket" -c "$concurrency" \
  --input "$dir/in.jsonl" --output-file "$dir/out.jsonl" &
client=$!
pids+=("$client")
for ((tenth = 1; tenth < 10; tenth++)); do
  while [ "$(wc -l <"$dir/out.jsonl")" -lt $((items / 10 * tenth)) ]; do
    kill -0 "$client" || exit 1
    sleep 0.2
  done
  echo "$((tenth * 10)) % after $((SECONDS - start)) s:" \
    "client $(resident "$client") kB, server $(resident "$server") kB"
done
wait "$client"
echo "100 % after $((SECONDS - start)) s: server $(resident "$server") kB"
