#include "service/vertex/model_call.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/timers.h"
#include "service/vertex/credential.h"
#include "service/vertex/engine.h"
#include "service/vertex/model_answer.h"
#include "service/vertex/reasons.h"
#include "service/vertex/sse.h"
#include "service/vertex/tier.h"
#include "service/vertex/transfer.h"
#include "service/vertex/upstream_error.h"

/* Steps: ask the credential, run the transfer, make an answer of it, done. A
 * 401 goes back to the first step once, if the credential has something newer.
 *
 * The timer is set for the whole life, so that moving it cannot fail: while
 * the credential is waited for it is the deadline, while the transfer runs
 * (which has its own) it is never, and for an end that must not happen inside
 * of start it is now. */

#define OWN_HEADERS (2 + VTX_TIER_HEADERS)
#define CALL_BYTES ((size_t)256 * 1024)

struct vtx_model_call {
  struct vtx_upstream *upstream;
  struct cb_arena *arena; /* holds this struct, too */
  enum vtx_verb verb;
  bool keep_raw;
  Vertexd__V1__RequestTier tier;
  int64_t deadline;
  struct vtx_model_call_events events;
  void *ctx;
  char *url;
  const char *target;
  const struct cb_pair *headers;
  size_t header_count;
  struct cb_buf body;
  struct vtx_credential_wait wait;
  bool waiting;       /* the credential has not answered */
  bool repeated;      /* the 401 has been answered by a newer credential */
  uint64_t presented; /* mark of the credential that was sent */
  struct cb_timer timer;
  struct vtx_transfer *transfer;
  struct vtx_sse sse;
  struct cb_buf error_body; /* of a stream that is none */
  struct cb_status status;
  bool failed; /* status says how */
  int64_t wire_time;
  int64_t silence; /* of the transfer that is over */
  bool paused;
  bool inside;    /* a chunk is being handed out: do not free */
  bool cancelled; /* meanwhile: free afterwards */
};

static bool streaming(const struct vtx_model_call *call) {
  return call->verb == VTX_STREAM_GENERATE;
}

static void free_call(struct vtx_model_call *call) {
  vtx_engine_cancel_timer(call->upstream->engine, &call->timer);
  cb_buf_release(&call->body);
  cb_buf_release(&call->error_body);
  vtx_sse_release(&call->sse);
  cb_arena_free(call->arena);
}

static void move_timer(struct vtx_model_call *call, int64_t when) {
  bool moved = vtx_engine_set_timer(call->upstream->engine, &call->timer, when);

  assert(moved); /* it is set already, or was a moment ago */
  (void)moved;
}

/* Takes note of the failure; the first one counts. */
static void fail(struct vtx_model_call *call, const struct cb_status *status) {
  if (call->failed) return;
  call->failed = true;
  call->status = vtx_status_copy(status, call->arena);
}

static void finish(struct vtx_model_call *call, struct vtx_answer *answer) {
  struct vtx_model_call_result result = {
      .status = call->failed ? call->status : cb_status_ok(),
      .target = call->target,
      .upstream_time = call->wire_time,
  };

  call->events.done(call->ctx, &result, answer);
  free_call(call);
}

/* As finish, but on the loop's next turn. */
static void finish_later(struct vtx_model_call *call) {
  move_timer(call, vtx_engine_now(call->upstream->engine));
}

static void on_timer(struct cb_timer *timer) {
  struct vtx_model_call *call =
      CB_CONTAINER(timer, struct vtx_model_call, timer);
  struct vtx_credential *credential = call->upstream->credential;

  if (call->waiting) {
    struct cb_status late =
        cb_status_make(CB_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT",
                       "no credential was there before the deadline");

    credential->type->forget(credential, &call->wait);
    fail(call, &late);
  }
  finish(call, NULL);
}

/* Tells whether a credential is the one that was refused, without keeping a
 * copy of it (FNV-1a). */
static uint64_t mark_of(const struct cb_pair *headers, size_t count) {
  uint64_t mark = UINT64_C(14695981039346656037);

  for (size_t i = 0; i < count; i++) {
    for (const char *at = headers[i].value; *at; at++) {
      mark = (mark ^ (unsigned char)*at) * UINT64_C(1099511628211);
    }
  }
  return mark;
}

static struct cb_status make_answer(struct vtx_model_call *call,
                                    const char *text, size_t size,
                                    struct vtx_answer *ret_answer) {
  const struct vtx_answer_spec spec = {
      .verb = call->verb,
      .keep_raw = call->keep_raw,
      .budget = call->upstream->budget,
  };

  return vtx_model_answer_make(&spec, text, size, call->arena, ret_answer);
}

/* What came of an event whose end did not. */
static struct cb_status make_last(struct vtx_model_call *call, const char *text,
                                  size_t size, struct vtx_answer *ret_answer) {
  struct cb_status status = make_answer(call, text, size, ret_answer);

  if (!vtx_reason_is(&status, VTX_UPSTREAM_MALFORMED)) return status;
  return vtx_fail(call->arena, VTX_UPSTREAM_TRUNCATED,
                  "the stream ended within an event");
}

/* One event of a stream: a chunk to hand out, or the error that ends it. */
static bool on_event(void *ctx, enum vtx_sse_kind kind, const char *data,
                     size_t size) {
  struct vtx_model_call *call = ctx;
  struct vtx_answer answer;
  struct cb_status status;

  if (kind == VTX_SSE_RAW) {
    status = vtx_model_answer_error(data, size, call->arena);
  } else if (kind == VTX_SSE_LAST) {
    status = make_last(call, data, size, &answer);
  } else {
    status = make_answer(call, data, size, &answer);
  }
  if (status.code != CB_OK) {
    fail(call, &status);
    return false;
  }
  call->inside = true;
  call->events.chunk(call->ctx, &answer);
  call->inside = false;
  return !call->cancelled;
}

/* True if the stream may go on. */
static bool check_sse(struct vtx_model_call *call, enum vtx_sse_result result) {
  if (result == VTX_SSE_TOO_LARGE || result == VTX_SSE_NO_MEMORY) {
    struct cb_status status = vtx_no_room(
        call->arena, result == VTX_SSE_TOO_LARGE, VTX_RESPONSE_TOO_LARGE,
        "one event of the upstream's stream is larger than %zu bytes",
        call->upstream->max_response_bytes);

    fail(call, &status);
  }
  return result == VTX_SSE_OK;
}

static bool on_data(void *ctx, int http_status, const char *data, size_t size) {
  struct vtx_model_call *call = ctx;
  size_t room = call->error_body.max - call->error_body.len;

  if (http_status != 200) {
    cb_buf_add(&call->error_body, data, size < room ? size : room);
    return true; /* what is kept of it is enough, or has to be */
  }
  if (check_sse(call, vtx_sse_feed(&call->sse, data, size))) return true;
  if (call->cancelled) {
    vtx_transfer_cancel(call->transfer);
    free_call(call);
  }
  return false;
}

static void ask_credential(struct vtx_model_call *call);

/* The answer is an error of HTTP. True if the call begins once more. */
static bool refused(struct vtx_model_call *call,
                    const struct vtx_transfer_result *result) {
  const struct cb_buf *text =
      result->answer ? result->answer : &call->error_body;
  struct vtx_credential *credential = call->upstream->credential;
  struct cb_status status =
      vtx_upstream_error(result->http_status, text->len ? text->data : "",
                         text->len, result->retry_after, call->arena);

  fail(call, &status);
  if (result->http_status != 401 || call->repeated) return false;
  call->repeated = true;
  cb_buf_move(&call->body, result->body);
  credential->type->refused(credential);
  ask_credential(call);
  return true;
}

/* An answer of status 200 has come whole. */
static void answered(struct vtx_model_call *call,
                     const struct vtx_transfer_result *result) {
  struct vtx_answer answer;
  struct cb_status status;

  if (streaming(call)) {
    check_sse(call, vtx_sse_finish(&call->sse));
    if (call->cancelled) {
      free_call(call);
    } else {
      finish(call, NULL);
    }
    return;
  }
  status = make_answer(call, result->answer->data ? result->answer->data : "",
                       result->answer->len, &answer);
  cb_buf_release(result->answer);
  if (status.code != CB_OK) {
    if (status.http_status == 0) status.http_status = result->http_status;
    fail(call, &status);
  }
  finish(call, call->failed ? NULL : &answer);
}

static void on_done(void *ctx, const struct vtx_transfer_result *result) {
  struct vtx_model_call *call = ctx;
  bool more = false;

  call->silence = vtx_transfer_silence(call->transfer);
  call->transfer = NULL;
  call->wire_time += vtx_engine_now(call->upstream->engine) - result->started;
  if (result->status.code != CB_OK) {
    fail(call, &result->status); /* unless an event said before what is wrong */
  } else if (result->http_status == 200) {
    answered(call, result);
    return;
  } else {
    more = refused(call, result);
  }
  if (!more) finish(call, NULL);
}

static bool start_transfer(struct vtx_model_call *call,
                           const struct cb_pair *headers, size_t count) {
  const struct vtx_transfer_spec spec = {
      .url = call->url,
      .headers = headers,
      .header_count = count,
      .body = &call->body,
      .deadline = call->deadline,
      .max_response_bytes = call->upstream->max_response_bytes,
      .certified = true,
  };
  const struct vtx_transfer_events events = {
      .data = streaming(call) ? on_data : NULL,
      .done = on_done,
  };

  call->transfer =
      vtx_transfer_start(call->upstream->engine, &spec, &events, call);
  if (call->transfer && call->paused) vtx_transfer_pause(call->transfer);
  return call->transfer != NULL;
}

/* Writes the seconds left, rounded up, as the upstream wants them. */
static void write_timeout(const struct vtx_model_call *call, char *text,
                          size_t room) {
  int64_t left = call->deadline - cb_now(NULL); /* not a moment more */
  int64_t seconds;

  if (vtx_tier_is_flex(call->tier) && left > VTX_FLEX_TIMEOUT)
    left = VTX_FLEX_TIMEOUT;
  seconds = left / CB_SECOND + (left % CB_SECOND > 0);
  snprintf(text, room, "%lld", seconds > 1 ? (long long)seconds : 1LL);
}

static bool send_with(struct vtx_model_call *call,
                      const struct cb_pair *credential, size_t count) {
  size_t most = OWN_HEADERS + count + call->header_count;
  struct cb_pair *headers =
      cb_arena_alloc(call->arena, most * sizeof(struct cb_pair));
  char seconds[24];
  size_t n = 0;

  if (!headers) return false;
  headers[n++] =
      (struct cb_pair){"x-goog-api-client", "gl-c/11 vertexd/" VTX_VERSION};
  if (call->deadline != CB_NEVER) {
    write_timeout(call, seconds, sizeof seconds);
    headers[n++] = (struct cb_pair){"X-Server-Timeout", seconds};
  }
  n += vtx_tier_headers(call->tier, headers + n);
  for (size_t i = 0; i < count; i++)
    headers[n++] = credential[i];
  for (size_t i = 0; i < call->header_count; i++) {
    headers[n++] = call->headers[i];
  }
  return start_transfer(call, headers, n);
}

static void on_credential(struct vtx_credential_wait *wait,
                          const struct cb_status *status,
                          const struct cb_pair *headers, size_t count) {
  struct vtx_model_call *call = CB_CONTAINER(wait, struct vtx_model_call, wait);
  const struct cb_status no_memory =
      vtx_no_memory("the upstream transfer could not be started");
  uint64_t mark = mark_of(headers, count);

  call->waiting = false;
  move_timer(call, CB_NEVER);
  if (call->repeated && (status->code != CB_OK || mark == call->presented)) {
    finish_later(call); /* with what the 401 said */
    return;
  }
  call->failed = false;
  call->presented = mark;
  cb_buf_clear(&call->error_body);
  if (status->code != CB_OK) {
    fail(call, status);
  } else if (!send_with(call, headers, count)) {
    fail(call, &no_memory);
  }
  if (call->failed) finish_later(call);
}

static void ask_credential(struct vtx_model_call *call) {
  struct vtx_credential *credential = call->upstream->credential;

  call->waiting = true;
  move_timer(call, call->deadline);
  credential->type->get(credential, &call->wait);
}

/* "host/location/model" from the URL, as Serving tells it. */
static const char *target_of(const char *url, struct cb_arena *arena) {
  const char *host = strstr(url, "://");
  const char *place = strstr(url, "/locations/");
  const char *model = strrchr(url, '/') + 1;
  const char *target;

  host = host ? host + 3 : url;
  place = place ? place + strlen("/locations") : "";
  target =
      cb_arena_printf(arena, "%.*s%.*s/%.*s", (int)strcspn(host, "/"), host,
                      place[0] ? 1 + (int)strcspn(place + 1, "/") : 0, place,
                      (int)strcspn(model, ":?"), model);
  return target ? target : "";
}

/* Copies the additional headers. False when out of memory. */
static bool copy_headers(struct vtx_model_call *call,
                         const struct vtx_model_call_spec *spec) {
  struct cb_pair *pairs =
      cb_arena_alloc(call->arena, spec->header_count * sizeof(struct cb_pair));

  if (!pairs) return false;
  for (size_t i = 0; i < spec->header_count; i++) {
    pairs[i].key = cb_arena_strdup(call->arena, spec->headers[i].key);
    pairs[i].value = cb_arena_strdup(call->arena, spec->headers[i].value);
    if (!pairs[i].key || !pairs[i].value) return false;
  }
  call->headers = pairs;
  call->header_count = spec->header_count;
  return true;
}

static void fill_in(struct vtx_model_call *call,
                    const struct vtx_model_call_spec *spec) {
  struct vtx_upstream *upstream = spec->upstream;
  size_t max = upstream->max_response_bytes;

  call->upstream = upstream;
  call->verb = spec->verb;
  call->keep_raw = spec->keep_raw;
  call->tier = spec->verb == VTX_COUNT_TOKENS ? 0 : spec->tier;
  call->deadline = spec->deadline;
  call->wait.ready = on_credential;
  cb_list_init(&call->wait.link);
  call->timer.fire = on_timer;
  cb_buf_init(&call->body, 0, NULL);
  cb_buf_init(&call->error_body, VTX_ERROR_BYTES, upstream->budget);
  vtx_sse_init(&call->sse, max, upstream->budget, on_event, call);
}

static struct cb_status no_memory_to_start(void) {
  return vtx_no_memory("no memory to call the upstream");
}

static struct cb_status make_url(const struct vtx_model_call_spec *spec,
                                 struct vtx_model_call *call) {
  struct vtx_endpoint endpoint = spec->upstream->endpoint;

  if (spec->location && *spec->location) endpoint.location = spec->location;
  return vtx_endpoint_url(&endpoint, spec->model, spec->verb, call->arena,
                          &call->url);
}

/* Makes a call that has done nothing yet. */
static struct vtx_model_call *make(const struct vtx_model_call_spec *spec,
                                   struct cb_arena *arena,
                                   struct cb_status *ret_status) {
  struct vtx_upstream *upstream = spec->upstream;
  struct cb_arena *own = cb_arena_new(upstream->budget, CALL_BYTES, 0);
  struct vtx_model_call *call = NULL;

  *ret_status = no_memory_to_start();
  if (own) call = cb_arena_zalloc(own, 1, sizeof *call);
  if (!call) {
    cb_arena_free(own);
    return NULL;
  }
  call->arena = own;
  fill_in(call, spec);
  if (copy_headers(call, spec)) {
    *ret_status = make_url(spec, call);
    if (ret_status->code == CB_OK &&
        vtx_engine_set_timer(upstream->engine, &call->timer, CB_NEVER)) {
      call->target = target_of(call->url, own);
      return call;
    }
    if (ret_status->code == CB_OK) *ret_status = no_memory_to_start();
  }
  *ret_status = vtx_status_copy(ret_status, arena);
  free_call(call);
  return NULL;
}

struct vtx_model_call *vtx_model_call_start(
    const struct vtx_model_call_spec *spec,
    const struct vtx_model_call_events *events, void *ctx,
    struct cb_arena *arena, struct cb_status *ret_status) {
  struct vtx_model_call *call = make(spec, arena, ret_status);

  if (!call) return NULL;
  call->events = *events;
  call->ctx = ctx;
  cb_buf_move(&call->body, spec->body);
  ask_credential(call);
  return call;
}

void vtx_model_call_cancel(struct vtx_model_call *call) {
  struct vtx_credential *credential = call->upstream->credential;

  if (call->inside) {
    call->cancelled = true;
    return;
  }
  if (call->waiting) credential->type->forget(credential, &call->wait);
  if (call->transfer) vtx_transfer_cancel(call->transfer);
  free_call(call);
}

int64_t vtx_model_call_silence(const struct vtx_model_call *call) {
  if (call->repeated) return 0;
  return call->transfer ? vtx_transfer_silence(call->transfer) : call->silence;
}

void vtx_model_call_pause(struct vtx_model_call *call) {
  call->paused = true;
  if (call->transfer) vtx_transfer_pause(call->transfer);
}

void vtx_model_call_resume(struct vtx_model_call *call) {
  call->paused = false;
  if (call->transfer) vtx_transfer_resume(call->transfer);
}
