#!/bin/bash
# A server on its embedded emulator and the C client against it: every command,
# many calls at once, a cancel in mid-batch, a drain; all the while its metrics
# are scraped. Run under each sanitizer.
#
#   c_client.sh BIN_FOLDER
set -euo pipefail
bin=$1
log=$(mktemp)
pid=
scraper=
clean_up() {
  rm -f "$log" "$log.page" "$log.scraped"
  for child in $scraper $pid; do kill -9 "$child" 2>/dev/null || true; done
}
trap clean_up EXIT

fail() {
  echo "c_client: $*"
  tail -n 60 "$log"
  exit 1
}

coproc server { exec "$bin/vertexd" --emulate --listen 127.0.0.1:0 \
  --metrics-listen 127.0.0.1:0 2>"$log"; }
pid=$server_PID
read -r -t 60 _ _ address <&"${server[0]}" || fail "vertexd did not start"
read -r -t 60 _ _ metrics <&"${server[0]}" || fail "no metrics"
export VERTEXD_ADDRESS=$address

while curl -sf -o "$log.page" "$metrics"; do
  mv "$log.page" "$log.scraped"
  sleep 0.02
done &
scraper=$!

"$bin/vertexctl" health >/dev/null || fail "health"
"$bin/vertexctl" generate "one prompt" | grep -q 'one prompt' || fail "generate"
"$bin/vertexctl" stream "in pieces" >/dev/null || fail "stream"
"$bin/vertexctl" count "some words" | grep -q total_tokens || fail "count"
"$bin/async_demo" | grep -q '3 of 3 answered' || fail "async_demo"

seq 1 500 | "$bin/vertexctl" batch --max-concurrency 50 >"$log.out" ||
  fail "batch"
[ "$(wc -l <"$log.out")" = 500 ] || fail "a batch of 500 gave another number"
seq 1 200 | "$bin/vertexctl" map --template 'number {item}' --max-concurrency 20 \
  --as-completed >"$log.out" || fail "map"
[ "$(wc -l <"$log.out")" = 200 ] || fail "a map of 200 gave another number"
rm -f "$log.out"
seq 1 2000 | "$bin/vertexctl" batch --input - --format text --output-file \
  "$log.out" --max-concurrency 50 --calls 3 --quiet || fail "a pipe"
[ "$(wc -l <"$log.out")" = 2000 ] || fail "a pipe of 2000 gave another number"
rm -f "$log.out"

# Left in the middle, killed and by its own deadline: nothing may remain.
yes '[[emulator latency=20s]] slow' | head -n 100 |
  timeout -s KILL 1 "$bin/vertexctl" batch --max-concurrency 100 >/dev/null 2>&1 ||
  true
"$bin/vertexctl" generate '[[emulator latency=20s]] slow' --timeout 300ms \
  >/dev/null 2>&1 && fail "a deadline was missed"

for _ in $(seq 100); do
  kill -USR1 "$pid"
  sleep 0.1
  counters=$(grep '"transfers"' "$log" | tail -n 1)
  grep -q '"flows":0[,}]' <<<"$counters" &&
    grep -q '"transfers":0[,}]' <<<"$counters" && break
done
grep -q '"flows":0[,}]' <<<"$counters" || fail "flows remain: $counters"

kill -0 "$scraper" || fail "a scrape found no metrics"
grep -q '^vertexd_jobs_total [1-9]' "$log.scraped" || fail "metrics"
kill -TERM "$pid"
wait "$pid" || fail "vertexd ended with $?"
pid=
wait "$scraper" || true
scraper=
echo "c_client: all well"
