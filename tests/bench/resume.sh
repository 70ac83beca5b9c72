#!/bin/bash
# Kills vertexctl, and then vertexd, with SIGKILL at random moments of a run, as
# often as asked, and looks at what is there in the end: every id with exactly
# one answer, and no more prompts paid for twice than a kill finds under way.
#
#   resume.sh [BIN_FOLDER [ITEMS [KILLS]]]    build/release/bin 10000 20
#
# SEED=number repeats the moments of an earlier run.
set -euo pipefail
bin=${1:-build/release/bin}
items=${2:-10000}
kills=${3:-20}
concurrency=64
# What a kill may find read by the server and not yet written to the file: with
# the upstream, read ahead, on the way.
under_way=$((2 * concurrency + 2))
RANDOM=${SEED:=$((SRANDOM % 32768))}
dir=$(mktemp -d)
pids=()

cleanup() {
  for pid in "${pids[@]}"; do
    kill -9 "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
}
trap cleanup EXIT

fail() {
  echo "resume: $* (SEED=$SEED)"
  tail -n 5 "$dir"/*.log
  exit 1
}

emulator() { # emulator PATH [BODY]
  python3 - "$url/emulator/$1" "${2:-}" <<'PY'
import sys, urllib.request
body = sys.argv[2].encode() or None
print(urllib.request.urlopen(sys.argv[1], body, 10).read().decode())
PY
}

start_server() {
  rm -f "$dir/socket"
  "$bin/vertexd" --listen "unix:$dir/socket" --base-url "$url" --project p \
    --api-key k --default-model m >"$dir/server.log" 2>&1 &
  server=$!
  pids+=("$server")
  until grep -qs listening "$dir/server.log"; do
    kill -0 "$server" || fail "vertexd did not start"
    sleep 0.02
  done
}

start_run() {
  "$bin/vertexctl" batch --target "unix:$dir/socket" -c "$concurrency" \
    --input "$dir/in.jsonl" --output-file "$dir/out.jsonl" --resume \
    >"$dir/run.log" 2>&1 &
  run=$!
  pids+=("$run")
}

lines() {
  if [ -e "$dir/out.jsonl" ]; then wc -l <"$dir/out.jsonl"; else echo 0; fi
}

# Waits until so many results are written, or the run is over.
wait_for_lines() {
  while [ "$(lines)" -lt "$1" ] && kill -0 "$run" 2>/dev/null; do
    sleep 0.02
  done
}

check() {
  local answered paid
  python3 - "$dir/out.jsonl" "$items" <<'PY' || fail "$1: wrong results"
import json, sys
found = [json.loads(line) for line in open(sys.argv[1])]
assert all("text" in result for result in found), "a failure"
ids = [result["id"] for result in found]
assert len(ids) == len(set(ids)), "an id with two answers"
assert set(ids) == {f"item-{i}" for i in range(int(sys.argv[2]))}, "ids"
PY
  paid=$(emulator stats | python3 -c \
    'import json, sys; print(json.load(sys.stdin)["requests"])')
  [ "$paid" -le $((items + under_way)) ] ||
    fail "$1: $paid prompts were sent for $items items"
  twice=$((paid - items))
}

# One run with one kill; $1 says of what.
try() {
  local at=$((RANDOM * 32768 + RANDOM))

  at=$((1 + at % (items * 9 / 10)))
  rm -f "$dir/out.jsonl"
  emulator reset '{}' >/dev/null
  emulator defaults '{"latency_ms":20,"jitter_ms":20}' >/dev/null
  start_run
  wait_for_lines "$at"
  if [ "$1" = vertexctl ]; then
    kill -9 "$run" || fail "the run was over too early"
    wait "$run" 2>/dev/null || true
    start_run
  else
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
    start_server
  fi
  wait "$run" || fail "the run ended with $?"
  check "$1"
  echo "kill of $1 behind result $at: $items answers, $twice sent twice"
}

coproc emulator_process {
  exec "$bin/vertexd-emulator" --listen 127.0.0.1:0 2>"$dir/emulator.log"
}
pids+=("$emulator_process_PID")
read -r -t 60 _ _ url <&"${emulator_process[0]}" || fail "no emulator"
start_server
for ((i = 0; i < items; i++)); do
  echo "{\"id\":\"item-$i\",\"prompt\":\"prompt number $i\"}"
done >"$dir/in.jsonl"

for what in vertexctl vertexd; do
  for ((kill = 0; kill < kills; kill++)); do try "$what"; done
done
echo "resume: all well (SEED=$SEED)"
