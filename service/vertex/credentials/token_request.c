#include "service/vertex/credentials/token_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/timers.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"
#include "service/vertex/engine.h"
#include "service/vertex/transfer.h"

#define USUAL_ATTEMPTS 3
#define USUAL_TIMEOUT (20 * CB_SECOND)
#define FIRST_WAIT CB_SECOND

struct vtx_token_request {
  struct vtx_engine *engine;
  void (*done)(void *ctx, const struct vtx_token_answer *answer);
  void *ctx;
  const char *what;
  char *method;
  char *url;
  char *content_type;
  char *text; /* of the body */
  struct cb_pair headers[VTX_TOKEN_REQUEST_HEADERS];
  size_t header_count;
  unsigned attempts;
  unsigned attempt;
  int64_t timeout;
  bool direct;
  struct vtx_transfer *transfer;
  struct cb_timer timer; /* until the next attempt */
};

static void free_request(struct vtx_token_request *request) {
  vtx_engine_cancel_timer(request->engine, &request->timer);
  for (size_t i = 0; i < request->header_count; i++) {
    free((char *)(uintptr_t)request->headers[i].key);
    vtx_credential_wipe((char *)(uintptr_t)request->headers[i].value);
  }
  vtx_credential_wipe(request->text);
  free(request->method);
  free(request->content_type);
  vtx_credential_wipe(request->url);
  free(request);
}

static void finish(struct vtx_token_request *request,
                   const struct vtx_token_answer *answer) {
  request->done(request->ctx, answer);
  free_request(request);
}

static void fail(struct vtx_token_request *request, const char *why) {
  struct vtx_token_failure failure;
  struct vtx_token_answer answer = {.text = ""};

  vtx_token_fail(&failure, false, "%s gives no token: %s", request->what, why);
  answer.status = failure.status;
  finish(request, &answer);
}

/* 1 s, 2 s, 4 s ..., and up to a quarter more so that many do not come in
 * step; the low digits of a nanosecond clock are dice enough. */
static int64_t pause_before_next(const struct vtx_token_request *request) {
  int64_t pause = FIRST_WAIT << (request->attempt - 1);

  return pause + cb_now(NULL) % (pause / 4);
}

static bool try_again(struct vtx_token_request *request) {
  return request->attempt < request->attempts &&
         vtx_engine_set_timer(
             request->engine, &request->timer,
             vtx_engine_now(request->engine) + pause_before_next(request));
}

static void on_done(void *ctx, const struct vtx_transfer_result *result) {
  struct vtx_token_request *request = ctx;
  struct vtx_token_failure failure;
  struct vtx_token_answer answer = {.status = cb_status_ok(), .text = ""};
  bool came = result->status.code == CB_OK;

  request->transfer = NULL;
  if (came && result->answer->len > 0) {
    answer.text = result->answer->data;
    answer.size = result->answer->len;
  }
  answer.http_status = result->http_status;
  if (came && result->http_status == 200) {
    finish(request, &answer);
    return;
  }
  /* CANCELLED: the engine stops. */
  if (came ? vtx_token_may_retry(result->http_status, answer.text, answer.size)
           : result->status.code != CB_CANCELLED) {
    if (try_again(request)) return;
  }
  if (!came) {
    fail(request, result->status.message);
    return;
  }
  vtx_token_refusal(&failure, request->what, result->http_status, answer.text,
                    answer.size);
  answer.status = failure.status;
  finish(request, &answer);
}

static bool send_request(struct vtx_token_request *request) {
  const struct vtx_transfer_events events = {.done = on_done};
  struct cb_buf body;
  struct vtx_transfer_spec spec = {
      .url = request->url,
      .headers = request->headers,
      .header_count = request->header_count,
      .body = &body,
      .deadline =
          cb_time_add(vtx_engine_now(request->engine), request->timeout),
      .max_response_bytes = VTX_SECRET_BYTES,
      .method = request->method,
      .content_type = request->content_type,
      .direct = request->direct,
      .secret = true,
  };

  request->attempt++;
  cb_buf_init(&body, VTX_SECRET_BYTES * 2, NULL);
  if (request->text && request->text[0]) {
    cb_buf_reserve(&body, strlen(request->text));
    cb_buf_add_text(&body, request->text);
  }
  if (!body.failed) {
    request->transfer =
        vtx_transfer_start(request->engine, &spec, &events, request);
  }
  vtx_secret_buf_release(&body);
  return request->transfer != NULL;
}

static void on_timer(struct cb_timer *timer) {
  struct vtx_token_request *request =
      CB_CONTAINER(timer, struct vtx_token_request, timer);

  if (!send_request(request)) fail(request, "out of memory");
}

/* A copy; NULL for NULL. *good becomes false when out of memory. */
static char *copy(const char *text, bool *good) {
  char *copied = text ? strdup(text) : NULL;

  if (text && !copied) *good = false;
  return copied;
}

static bool fill_in(struct vtx_token_request *request,
                    const struct vtx_token_request_spec *spec) {
  bool good = spec->header_count <= VTX_TOKEN_REQUEST_HEADERS;

  request->what = spec->what;
  request->attempts = spec->attempts ? spec->attempts : USUAL_ATTEMPTS;
  request->timeout = spec->timeout ? spec->timeout : USUAL_TIMEOUT;
  request->direct = spec->direct;
  request->method = copy(spec->method, &good);
  request->url = copy(spec->url, &good);
  request->text = copy(spec->body, &good);
  request->content_type =
      copy(spec->content_type ? spec->content_type
                              : "application/x-www-form-urlencoded",
           &good);
  for (size_t i = 0; good && i < spec->header_count; i++) {
    request->headers[i].key = copy(spec->headers[i].key, &good);
    request->headers[i].value = copy(spec->headers[i].value, &good);
    request->header_count++;
  }
  return good;
}

struct vtx_token_request *vtx_token_request_start(
    struct vtx_engine *engine, const struct vtx_token_request_spec *spec,
    void (*done)(void *ctx, const struct vtx_token_answer *answer), void *ctx) {
  struct vtx_token_request *request = calloc(1, sizeof *request);

  if (!request) return NULL;
  request->engine = engine;
  request->done = done;
  request->ctx = ctx;
  request->timer.fire = on_timer;
  if (fill_in(request, spec) && send_request(request)) return request;
  free_request(request);
  return NULL;
}

void vtx_token_request_cancel(struct vtx_token_request *request) {
  if (request->transfer) vtx_transfer_cancel(request->transfer);
  free_request(request);
}
