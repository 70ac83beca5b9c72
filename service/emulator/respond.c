#include "service/emulator/respond.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "service/emulator/answer.h"
#include "service/emulator/fault.h"
#include "service/emulator/google_error.h"
#include "service/emulator/identity.h"
#include "service/emulator/prompt.h"
#include "service/emulator/render.h"
#include "service/emulator/reply.h"
#include "service/emulator/validate.h"

enum { MAX_ERROR = 128 << 10 };

static const char json_type[] = "application/json; charset=UTF-8";

static struct vtx_emu_reply fresh_reply(void) {
  return (struct vtx_emu_reply){
      .status = 200, .content_type = json_type, .end_after = UINT64_MAX};
}

/* What is left to say when memory is used up. */
static void give_up(struct vtx_emu_reply *reply) {
  *reply = fresh_reply();
  reply->status = 500;
}

static void set_error(const struct vtx_emu_request *request, bool listed,
                      const struct vtx_emu_error *error,
                      struct vtx_emu_reply *reply) {
  struct cb_buf buf;
  const char *body;

  *reply = fresh_reply();
  reply->status = error->http_status;
  cb_buf_init(&buf, MAX_ERROR, NULL);
  vtx_emu_error_write(error, listed, &buf);
  body = buf.failed ? NULL : cb_arena_memdup(request->arena, buf.data, buf.len);
  if (!body || !vtx_emu_reply_set(reply, request->arena, body, buf.len)) {
    give_up(reply);
  }
  cb_buf_release(&buf);
}

static void set_page(const struct vtx_emu_request *request, unsigned status,
                     struct vtx_emu_reply *reply) {
  struct cb_buf buf;
  const char *body;

  *reply = fresh_reply();
  reply->status = status;
  reply->content_type = "text/html; charset=UTF-8";
  cb_buf_init(&buf, MAX_ERROR, NULL);
  vtx_emu_error_page(status, request->path, &buf);
  body = buf.failed ? NULL : cb_arena_memdup(request->arena, buf.data, buf.len);
  if (!body || !vtx_emu_reply_set(reply, request->arena, body, buf.len)) {
    give_up(reply);
  }
  cb_buf_release(&buf);
}

void vtx_emu_respond_unknown(const struct vtx_emu_request *request,
                             struct vtx_emu_reply *reply) {
  set_page(request, 404, reply);
}

static bool deny(struct vtx_emu_error *error, unsigned status,
                 const char *message, const char *reason) {
  *error = vtx_emu_error_make(status, message);
  error->reason = reason;
  return false;
}

static bool asks_for_issued(const struct vtx_emu_responder *responder) {
  return responder->identity && responder->identity->required;
}

static bool check_token(const struct vtx_emu_responder *responder,
                        const char *authorization,
                        struct vtx_emu_error *error) {
  const char *wanted = responder->require_token;
  static const char scheme[] = "Bearer ";
  const size_t size = sizeof scheme - 1;

  if (!authorization || strncasecmp(authorization, scheme, size) != 0) {
    return deny(error, 401,
                "Request is missing required authentication credential. "
                "Expected OAuth 2 access token, login cookie or other valid "
                "authentication credential.",
                "CREDENTIALS_MISSING");
  }
  if (wanted && strcmp(authorization + size, wanted) == 0) return true;
  if (asks_for_issued(responder) &&
      vtx_emu_identity_admits(responder->identity, authorization)) {
    return true;
  }
  return deny(error, 401,
              "Request had invalid authentication credentials. Expected OAuth "
              "2 access token, login cookie or other valid authentication "
              "credential.",
              "ACCESS_TOKEN_TYPE_UNSUPPORTED");
}

/* Either credential will do if both are asked for. */
static bool check_access(const struct vtx_emu_responder *responder,
                         const struct vtx_emu_request *request,
                         struct vtx_emu_error *error) {
  const char *key = responder->require_api_key;

  bool token = responder->require_token || asks_for_issued(responder);

  if (!key && !token) return true;
  if (key && request->api_key) {
    if (strcmp(request->api_key, key) == 0) return true;
    return deny(error, 400, "API key not valid. Please pass a valid API key.",
                "API_KEY_INVALID");
  }
  if (token) return check_token(responder, request->authorization, error);
  return deny(error, 403,
              "Method doesn't allow unregistered callers (callers without "
              "established identity). Please use API Key or other form of API "
              "consumer identity to call this API.",
              NULL);
}

static bool check_model(const struct vtx_emu_request *request,
                        const struct vtx_emu_route *route,
                        struct vtx_emu_error *error) {
  const char *message;

  if (strncmp(route->model, "missing", 7) != 0) return true;
  message = cb_arena_printf(
      request->arena,
      "Publisher Model `%s` was not found or your project does not have access "
      "to it. Please ensure you are using a valid model version. For more "
      "information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/"
      "learn/model-versions",
      route->resource);
  return deny(error, 404, message ? message : "Publisher Model was not found.",
              NULL);
}

/* Reads and checks the body; NULL with *error filled in if it is refused. */
static struct json_object *read_body(const struct vtx_emu_responder *responder,
                                     const struct vtx_emu_request *request,
                                     enum vtx_emu_verb verb,
                                     struct vtx_emu_error *error) {
  const char *type =
      verb == VTX_EMU_COUNT ? "CountTokensRequest" : "GenerateContentRequest";
  struct json_object *body = vtx_emu_parse_body(request->arena, request->body,
                                                request->body_size, error);

  if (!body) return NULL;
  if (!vtx_emu_check_shape(responder->schema, type, request->arena, body,
                           error)) {
    return NULL;
  }
  return vtx_emu_check_meaning(request->arena, body, error) ? body : NULL;
}

/* Uniform in [0, 1). */
static double roll(struct vtx_emu_responder *responder) {
  uint64_t x = responder->random;

  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  responder->random = x;
  return (double)(x >> 11) * 0x1p-53;
}

static uint64_t hash_of(const char *key) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);

  for (; *key; key++) {
    hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
  }
  return hash ? hash : 1;
}

/* True for the first times requests with that key. When there are more keys
 * than places, those that found none do not fail. */
static bool still_failing(struct vtx_emu_responder *responder, const char *key,
                          int64_t times) {
  uint64_t hash = hash_of(key);

  for (size_t i = 0; i < VTX_EMU_FAILURE_KEYS; i++) {
    struct vtx_emu_failure *failure =
        &responder->failures[(hash + i) % VTX_EMU_FAILURE_KEYS];

    if (failure->hash == 0) failure->hash = hash;
    if (failure->hash != hash) continue;
    if (failure->count >= times) return false;
    failure->count++;
    return true;
  }
  return false;
}

/* Takes the fault back where chance or fail_times spare the request. */
static void decide_fault(struct vtx_emu_responder *responder,
                         struct vtx_emu_knobs *knobs) {
  bool fails = knobs->fault != VTX_EMU_NO_FAULT;

  if (fails && knobs->probability < 1.0) {
    fails = roll(responder) < knobs->probability;
  }
  if (fails && knobs->fail_times > 0) {
    fails = still_failing(responder, knobs->key, knobs->fail_times);
  }
  if (!fails) knobs->fault = VTX_EMU_NO_FAULT;
}

static enum vtx_emu_framing framing_of(const struct vtx_emu_request *request,
                                       const struct vtx_emu_route *route) {
  if (route->verb != VTX_EMU_STREAM) return VTX_EMU_UNARY;
  return request->alt && strcmp(request->alt, "sse") == 0 ? VTX_EMU_SSE
                                                          : VTX_EMU_ARRAY;
}

static int64_t unix_time(void) {
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * CB_SECOND + now.tv_nsec;
}

static bool make_answer(struct vtx_emu_responder *responder,
                        const struct vtx_emu_request *request,
                        const struct vtx_emu_route *route,
                        const struct vtx_emu_prompt *prompt,
                        struct vtx_emu_reply *reply) {
  struct vtx_emu_render render = {framing_of(request, route), responder->serial,
                                  unix_time()};
  struct vtx_emu_answer answer;

  if (vtx_emu_fault_replaces(prompt->knobs.fault)) return true;
  if (route->verb == VTX_EMU_COUNT) {
    return vtx_emu_render_count(request->arena, prompt, reply);
  }
  return vtx_emu_answer_make(&answer, request->arena, prompt) &&
         vtx_emu_render_answer(&render, request->arena, prompt, &answer, reply);
}

static void answer_prompt(struct vtx_emu_responder *responder,
                          const struct vtx_emu_request *request,
                          const struct vtx_emu_route *route,
                          struct vtx_emu_prompt *prompt,
                          struct vtx_emu_reply *reply) {
  struct vtx_emu_knobs *knobs = &prompt->knobs;

  decide_fault(responder, knobs);
  prompt->model = route->model;
  *reply = fresh_reply();
  reply->delay = knobs->latency;
  if (knobs->jitter > 0) {
    reply->delay += (int64_t)(roll(responder) * (double)knobs->jitter);
  }
  reply->interval = knobs->chunk_interval;
  if (!make_answer(responder, request, route, prompt, reply) ||
      !vtx_emu_fault_apply(request->arena, knobs, framing_of(request, route),
                           request->path, reply)) {
    give_up(reply);
  }
}

void vtx_emu_respond(struct vtx_emu_responder *responder,
                     const struct vtx_emu_request *request,
                     const struct vtx_emu_route *route,
                     struct vtx_emu_reply *reply) {
  bool listed = framing_of(request, route) == VTX_EMU_ARRAY;
  struct vtx_emu_error error;
  struct vtx_emu_prompt prompt;
  struct json_object *body;
  const char *trouble;

  responder->serial++;
  if (request->too_large) {
    set_page(request, 413, reply);
    return;
  }
  if (strncmp(route->location, "nowhere", 7) == 0) {
    vtx_emu_respond_unknown(request, reply); /* a region that is none */
    return;
  }
  if (!check_access(responder, request, &error) ||
      !check_model(request, route, &error) ||
      !(body = read_body(responder, request, route->verb, &error))) {
    set_error(request, listed, &error, reply);
    return;
  }
  if (!vtx_emu_prompt_read(&prompt, request->arena, body, &responder->knobs,
                           &trouble)) {
    error = vtx_emu_error_make(400, trouble);
    set_error(request, listed, &error, reply);
    return;
  }
  answer_prompt(responder, request, route, &prompt, reply);
}
