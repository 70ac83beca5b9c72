#include "transfer_probe.h"

#include <stdio.h>

#include "base/clock.h"
#include "cmocka_all.h"

static bool on_data(void *ctx, int http_status, const char *data, size_t size) {
  struct probe *probe = ctx;
  bool more = true;

  assert_int_not_equal(http_status, 0);
  if (size > probe->largest) probe->largest = size;
  cb_buf_add(&probe->got, data, size);
  if (probe->on_data) more = probe->on_data(probe);
  tally_add(&probe->pieces);
  return more;
}

static void on_done(void *ctx, const struct vtx_transfer_result *result) {
  struct probe *probe = ctx;

  probe->silence = vtx_transfer_silence(probe->transfer);
  probe->transfer = NULL;
  probe->code = result->status.code;
  probe->retryable = result->status.retryable;
  snprintf(probe->reason, sizeof probe->reason, "%s", result->status.reason);
  snprintf(probe->message, sizeof probe->message, "%s", result->status.message);
  snprintf(probe->type, sizeof probe->type, "%s", result->content_type);
  probe->http_status = result->http_status;
  probe->retry_after = result->retry_after;
  probe->first_byte = result->first_byte >= result->started;
  probe->body_left = result->body->len;
  if (!probe->stream) {
    cb_buf_add(&probe->got, result->answer->data ? result->answer->data : "",
               result->answer->len);
  }
  tally_add(&probe->done);
}

void probe_begin(void *arg) {
  struct probe *probe = arg;
  const char *text = probe->send ? probe->send : "{}";
  struct vtx_transfer_events events = {.done = on_done};
  struct cb_buf body;
  char url[256];
  const struct vtx_transfer_spec spec = {
      .url = url,
      .headers = probe->headers,
      .header_count = probe->header_count,
      .body = &body,
      .deadline = probe->deadline ? probe->deadline : CB_NEVER,
      .idle_timeout = probe->idle_timeout,
      .max_response_bytes = probe->max ? probe->max : 1 << 20,
  };

  snprintf(url, sizeof url, "%s%s", probe->base, probe->path);
  cb_buf_init(&body, 1 << 24, probe->budget);
  assert_true(cb_buf_add_text(&body, text));
  if (probe->stream) events.data = on_data;
  probe->transfer = vtx_transfer_start(probe->engine, &spec, &events, probe);
  assert_non_null(probe->transfer);
  assert_int_equal(body.len, 0);
  assert_int_equal(tally_count(&probe->done), 0);
}

void probe_init(struct probe *probe) {
  tally_init(&probe->done);
  tally_init(&probe->pieces);
  cb_buf_init(&probe->got, SIZE_MAX / 2, NULL);
}

void probe_start(struct probe *probe) {
  probe_init(probe);
  engine_do(probe->engine, probe_begin, probe);
}

void probe_release(struct probe *probe) {
  cb_buf_release(&probe->got);
  tally_release(&probe->done);
  tally_release(&probe->pieces);
}

void probe_run(struct probe *probe) {
  probe_start(probe);
  assert_true(tally_wait(&probe->done, 1));
}

struct place place_start(const struct http_reply *replies, size_t count) {
  return (struct place){engine_start(NULL), http_script_start(replies, count)};
}

void place_end(struct place *place) {
  struct vtx_engine_counters counters;

  vtx_engine_stop(place->engine);
  vtx_engine_counters(place->engine, &counters);
  assert_int_equal(counters.transfers, 0);
  vtx_engine_free(place->engine);
  http_script_stop(place->script);
}

struct probe probe_at(const struct place *place, const char *path) {
  return (struct probe){.engine = place->engine,
                        .base = http_script_url(place->script),
                        .path = path};
}

bool nothing_busy(void *arg) { return http_script_counts(arg).busy == 0; }

bool nothing_open(void *arg) { return http_script_counts(arg).open == 0; }
