#include "service/emulator/respond.h"

#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "service/emulator/access.h"
#include "service/emulator/answer.h"
#include "service/emulator/defaults.h"
#include "service/emulator/fault.h"
#include "service/emulator/google_error.h"
#include "service/emulator/prompt.h"
#include "service/emulator/render.h"
#include "service/emulator/reply.h"
#include "service/emulator/target.h"
#include "service/emulator/tier.h"
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
  *error = vtx_emu_error_make(
      404, message ? message : "Publisher Model was not found.");
  return false;
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
                         struct vtx_emu_prompt *prompt) {
  struct vtx_emu_knobs *knobs = &prompt->knobs;
  bool fails = knobs->fault != VTX_EMU_NO_FAULT &&
               (prompt->hop.later || !knobs->fault_later);

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
  const char *alt;

  if (route->verb != VTX_EMU_STREAM) return VTX_EMU_UNARY;
  alt = request->parameter(request, "alt");
  return alt && strcmp(alt, "sse") == 0 ? VTX_EMU_SSE : VTX_EMU_ARRAY;
}

static int64_t unix_time(void) {
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * CB_SECOND + now.tv_nsec;
}

/* The kind of traffic that serves the request; NULL with *error filled in if a
 * header asks for one that there is not. */
static const char *read_tier(const struct vtx_emu_request *request,
                             struct vtx_emu_error *error) {
  const char *tier = vtx_emu_tier_of(
      request->header(request, "X-Vertex-AI-LLM-Request-Type"),
      request->header(request, "X-Vertex-AI-LLM-Shared-Request-Type"));

  if (!tier) {
    *error = vtx_emu_error_make(400, "Emulator: unknown request type header.");
  }
  return tier;
}

/* A request that was read, and what it was read with. */
struct question {
  const struct vtx_emu_request *request;
  const struct vtx_emu_route *route;
  const char *traffic_type;
  struct vtx_emu_prompt prompt;
};

static bool make_answer(struct vtx_emu_responder *responder,
                        const struct question *question,
                        struct vtx_emu_reply *reply) {
  const struct vtx_emu_prompt *prompt = &question->prompt;
  struct cb_arena *arena = question->request->arena;
  struct vtx_emu_render render = {
      framing_of(question->request, question->route), responder->serial,
      unix_time(), question->traffic_type};
  struct vtx_emu_answer answer;

  if (vtx_emu_fault_replaces(prompt->knobs.fault)) return true;
  if (question->route->verb == VTX_EMU_COUNT) {
    return vtx_emu_render_count(arena, prompt, reply);
  }
  if (!vtx_emu_answer_make(&answer, arena, prompt) ||
      !vtx_emu_hop_cut(&prompt->hop, &prompt->knobs, arena, &answer)) {
    return false;
  }
  vtx_emu_target_charge(question->request->target, &prompt->knobs.quota,
                        vtx_emu_prompt_tokens(prompt) +
                            answer.candidates_tokens + answer.thoughts_tokens);
  return vtx_emu_render_answer(&render, arena, prompt, &answer, reply);
}

/* False with *error filled in if the target has no room for the request.
 * Counting tokens costs nothing. */
static bool admit(struct vtx_emu_responder *responder,
                  const struct question *question,
                  struct vtx_emu_error *error) {
  const struct vtx_emu_knobs *knobs = &question->prompt.knobs;

  if (question->route->verb == VTX_EMU_COUNT) return true;
  switch (vtx_emu_target_admit(responder->targets, question->request->target,
                               &knobs->quota, knobs->capacity, cb_now(NULL))) {
    case VTX_EMU_THROTTLED:
      *error = vtx_emu_error_make(429, vtx_emu_too_many);
      if (!knobs->quota.retryinfo) return false;
      error->reason = "RATE_LIMIT_EXCEEDED";
      error->retry_delay = knobs->retry_delay;
      return false;
    case VTX_EMU_OVERLOADED:
      *error = vtx_emu_error_make(503, vtx_emu_overloaded);
      return false;
    default:
      return true;
  }
}

static int64_t latency_of(struct vtx_emu_responder *responder,
                          const struct question *question) {
  const struct vtx_emu_knobs *knobs = &question->prompt.knobs;
  int64_t others = (int64_t)question->request->target->in_flight - 1;
  int64_t latency = knobs->latency + knobs->slowdown * others;

  if (knobs->jitter > 0) {
    latency += (int64_t)(roll(responder) * (double)knobs->jitter);
  }
  return latency;
}

static void answer_question(struct vtx_emu_responder *responder,
                            struct question *question,
                            struct vtx_emu_reply *reply) {
  const struct vtx_emu_request *request = question->request;
  struct vtx_emu_knobs *knobs = &question->prompt.knobs;

  decide_fault(responder, &question->prompt);
  question->prompt.model = question->route->model;
  if (knobs->traffic_type) question->traffic_type = knobs->traffic_type;
  *reply = fresh_reply();
  reply->hold = knobs->hold;
  reply->delay = latency_of(responder, question);
  reply->interval = knobs->chunk_interval;
  if (!make_answer(responder, question, reply) ||
      !vtx_emu_fault_apply(request->arena, knobs,
                           framing_of(request, question->route), request->path,
                           reply)) {
    give_up(reply);
  }
}

/* In whole seconds, as HTTP wants it. */
static void set_retry_after(const struct question *question,
                            struct vtx_emu_reply *reply) {
  int64_t delay = question->prompt.knobs.retry_after;

  if (delay == 0 || (reply->status != 429 && reply->status != 503)) return;
  reply->header_value =
      cb_arena_printf(question->request->arena, "%lld",
                      (long long)((delay + CB_SECOND - 1) / CB_SECOND));
  if (reply->header_value) reply->header = "Retry-After";
}

/* How much may be asked for, and where an answer goes on. */
static bool read_hop(struct question *question, struct json_object *body,
                     struct vtx_emu_error *error) {
  struct vtx_emu_prompt *prompt = &question->prompt;
  int64_t tokens = prompt->max_output_tokens;
  const char *text;

  if (!vtx_emu_hop_read(body, &prompt->hop)) {
    *error = vtx_emu_error_make(
        400, "The continuation token is not valid for this request.");
    return false;
  }
  if (question->route->verb != VTX_EMU_GENERATE || tokens == INT64_MAX ||
      tokens <= VTX_EMU_UNARY_TOKENS) {
    return true;
  }
  text = cb_arena_printf(
      question->request->arena,
      "Unable to submit request because it has a maxOutputTokens value of "
      "%lld but the supported range is from 1 (inclusive) to %d (exclusive). "
      "Update the value and try again.",
      (long long)tokens, VTX_EMU_UNARY_TOKENS + 1);
  *error = vtx_emu_error_make(400, text ? text : "maxOutputTokens too large");
  return false;
}

/* Checks what can be wrong with a request and reads it; false with *error
 * filled in if something is. */
static bool read_question(const struct vtx_emu_responder *responder,
                          struct question *question,
                          struct vtx_emu_error *error) {
  const struct vtx_emu_request *request = question->request;
  const struct vtx_emu_route *route = question->route;
  struct json_object *body;
  const char *trouble;

  if (!vtx_emu_check_access(responder, request, error) ||
      !(question->traffic_type = read_tier(request, error)) ||
      !check_model(request, route, error) ||
      !(body = read_body(responder, request, route->verb, error))) {
    return false;
  }
  if (vtx_emu_prompt_read(&question->prompt, request->arena, body,
                          vtx_emu_defaults_find(responder->defaults,
                                                route->location, route->model),
                          &trouble)) {
    return read_hop(question, body, error);
  }
  *error = vtx_emu_error_make(400, trouble);
  return false;
}

static void respond(struct vtx_emu_responder *responder,
                    struct question *question, struct vtx_emu_reply *reply) {
  const struct vtx_emu_request *request = question->request;
  bool listed = framing_of(request, question->route) == VTX_EMU_ARRAY;
  struct vtx_emu_error error;

  if (!read_question(responder, question, &error)) {
    set_error(request, listed, &error, reply);
    return;
  }
  if (admit(responder, question, &error)) {
    answer_question(responder, question, reply);
  } else {
    set_error(request, listed, &error, reply);
  }
  set_retry_after(question, reply);
}

void vtx_emu_respond(struct vtx_emu_responder *responder,
                     const struct vtx_emu_request *request,
                     const struct vtx_emu_route *route,
                     struct vtx_emu_reply *reply) {
  struct question *question;

  responder->serial++;
  if (request->too_large) {
    set_page(request, 413, reply);
    return;
  }
  if (strncmp(route->location, "nowhere", 7) == 0) {
    vtx_emu_respond_unknown(request, reply); /* a region that is none */
    return;
  }
  question = cb_arena_zalloc(request->arena, 1, sizeof *question);
  if (!question || !request->target) {
    give_up(reply);
    return;
  }
  question->request = request;
  question->route = route;
  respond(responder, question, reply);
  if (reply->status == 200) request->target->ok++;
}
