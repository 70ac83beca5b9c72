/* The reference: a loop over curl multi with the same limit, and nothing more
 * than that. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/bench/bench.h"

struct direct {
  struct bench *bench;
  CURLM *multi;
  struct curl_slist *headers;
  CURL **idle;
  size_t idle_count;
  size_t started;
};

struct one {
  int64_t started;
};

static size_t discard(char *data, size_t size, size_t count, void *ctx) {
  (void)data;
  (void)ctx;
  return size * count;
}

static CURL *new_handle(struct direct *direct, const char *url) {
  static const char body[] =
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" BENCH_PROMPT
      "\"}]}]}";
  CURL *easy = curl_easy_init();
  struct one *one = calloc(1, sizeof *one);

  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, direct->headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, one);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  return easy;
}

static void begin(struct direct *direct, size_t handles, const char *verb) {
  char url[512];

  snprintf(url, sizeof url,
           "%s/v1/projects/p/locations/global/publishers/google/models/m:%s",
           direct->bench->target, verb);
  curl_global_init(CURL_GLOBAL_ALL);
  direct->multi = curl_multi_init();
  curl_multi_setopt(direct->multi, CURLMOPT_MAXCONNECTS, (long)handles);
  direct->headers = curl_slist_append(NULL, "Content-Type: application/json");
  direct->headers = curl_slist_append(direct->headers, "Expect:");
  direct->idle = calloc(handles, sizeof *direct->idle);
  for (size_t i = 0; i < handles; i++)
    direct->idle[direct->idle_count++] = new_handle(direct, url);
}

static void end(struct direct *direct) {
  while (direct->idle_count > 0) {
    CURL *easy = direct->idle[--direct->idle_count];
    char *one = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &one);
    free(one);
    curl_easy_cleanup(easy);
  }
  free(direct->idle);
  curl_slist_free_all(direct->headers);
  curl_multi_cleanup(direct->multi);
  curl_global_cleanup();
}

static void start_one(struct direct *direct) {
  CURL *easy = direct->idle[--direct->idle_count];
  char *private = NULL;

  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  ((struct one *)(void *)private)->started = cb_now(NULL);
  curl_multi_add_handle(direct->multi, easy);
  direct->started++;
}

static void finish_done(struct direct *direct) {
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(direct->multi, &left))) {
    CURL *easy = message->easy_handle;
    bool ok = message->data.result == CURLE_OK;
    char *private = NULL;
    long code = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    bench_time(direct->bench, ((struct one *)(void *)private)->started,
               ok && code == 200);
    curl_multi_remove_handle(direct->multi, easy);
    direct->idle[direct->idle_count++] = easy;
  }
}

static void turn(struct direct *direct, int wait_ms) {
  int running;

  curl_multi_perform(direct->multi, &running);
  finish_done(direct);
  curl_multi_poll(direct->multi, NULL, 0, wait_ms, NULL);
}

static void run_closed(struct bench *bench, const char *verb) {
  struct direct direct = {.bench = bench};

  begin(&direct, bench->concurrency, verb);
  while (bench->timed < bench->count) {
    int running;

    while (direct.idle_count > 0 && direct.started < bench->count)
      start_one(&direct);
    curl_multi_perform(direct.multi, &running);
    finish_done(&direct);
    if (bench->timed < bench->count && direct.idle_count == 0)
      curl_multi_poll(direct.multi, NULL, 0, 50, NULL);
    else if (direct.started == bench->count)
      curl_multi_poll(direct.multi, NULL, 0, 50, NULL);
  }
  end(&direct);
}

void bench_direct(struct bench *bench) { run_closed(bench, "generateContent"); }

void bench_direct_stream(struct bench *bench) {
  run_closed(bench, "streamGenerateContent?alt=sse");
}

void bench_paced_direct(struct bench *bench) {
  struct direct direct = {.bench = bench};
  int64_t begun = cb_now(NULL);
  int64_t gap = CB_SECOND / (int64_t)bench->concurrency;

  begin(&direct, 256, "generateContent");
  while (bench->timed < bench->count) {
    int64_t next = cb_time_add(begun, gap * (int64_t)direct.started);
    bool due = direct.started < bench->count && direct.idle_count > 0;

    if (due && cb_now(NULL) >= next) start_one(&direct);
    turn(&direct, due ? cb_time_poll_ms(cb_now(NULL), next, 50) : 50);
  }
  end(&direct);
}
