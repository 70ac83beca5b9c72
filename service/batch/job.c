/* Attempts share one deadline and one place in max_concurrency. Each encodes
 * the prompt anew: the body was moved into the call before, and keeping a copy
 * for a retry that rarely comes would cost every prompt its size twice.
 */
#include "service/batch/job.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/batch/flow.h"
#include "service/duration.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"
#include "service/vertex/retry.h"

/* The job itself, a short id and a short error, in one block. */
#define JOB_FIRST (sizeof(struct vtx_job) + 320)

static const struct vtx_service_options *options_of(const struct vtx_job *job) {
  return &job->flow->service->options;
}

static int64_t now_of(const struct vtx_job *job) {
  return vtx_engine_now(options_of(job)->upstream->engine);
}

static struct cb_status no_memory(void) {
  return vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                    "the server has no memory for this");
}

static void try_again(struct cb_timer *timer);

struct vtx_job *vtx_job_new(struct vtx_flow *flow, uint32_t index) {
  struct vtx_service *service = flow->service;
  struct cb_arena *arena =
      cb_arena_new(service->options.budget, VTX_JOB_ARENA_MAX, JOB_FIRST);
  struct vtx_job *job = arena ? cb_arena_zalloc(arena, 1, sizeof *job) : NULL;

  if (!job) {
    cb_arena_free(arena);
    return NULL;
  }
  job->flow = flow;
  job->retry.fire = try_again;
  job->target = "";
  job->result = (struct vtx_result){
      .mail.deliver = flow->take_result,
      .service = service,
      .sink = flow->id,
      .arena = arena,
      .index = index,
      .last = true,
      .status = cb_status_ok(),
      .id = cb_arena_strdup(arena, vtx_source_id(&flow->source, index)),
  };
  if (!job->result.id) job->result.id = "";
  cb_list_append(&flow->jobs, &job->link);
  return job;
}

/* The end, whichever way. Nothing of the job may be touched afterwards. */
static void over(struct vtx_job *job) {
  struct vtx_stream_answer *stream = job->stream;

  if (job->result.attempts > 0) {
    job->result.duration = now_of(job) - job->started;
  }
  if (stream) vtx_stream_answer_release(stream);
  vtx_flow_job_over(job->flow, job, true);
}

static void fail(struct vtx_job *job, const struct cb_status *status) {
  vtx_result_fail(&job->result, status);
  over(job);
}

/* Which model was meant decides what field is at fault. */
static void name_model_field(const struct vtx_job *job, const char *field,
                             struct cb_status *status) {
  const struct vtx_source *source = &job->flow->source;
  struct cb_arena *arena = job->result.arena;
  bool own;

  if (strcmp(status->field, "model") != 0) return;
  if (source->kind == VTX_SOURCE_ONE || source->kind == VTX_SOURCE_COUNT) {
    return;
  }
  own = source->kind == VTX_SOURCE_REQUESTS &&
        source->requests[job->result.index]->model[0];
  status->field =
      own ? cb_arena_printf(arena, "%s.model", field) : "defaults.model";
  if (!status->field) status->field = "";
}

/* Puts body and model of one prompt together. */
static struct cb_status encode_prompt(struct vtx_job *job, const char *field,
                                      enum vtx_verb verb,
                                      struct cb_arena *scratch,
                                      struct cb_buf *body) {
  struct vtx_prompt prompt = {.default_model = options_of(job)->default_model};
  struct cb_status status = vtx_source_prompt(
      &job->flow->source, job->result.index, scratch, &prompt);

  if (status.code != CB_OK) return status;
  status = vtx_prompt_check(&prompt, field, scratch, &job->wants);
  if (status.code != CB_OK) return status;
  return verb == VTX_COUNT_TOKENS
             ? vtx_body_count(&prompt, field, scratch, body)
             : vtx_body_generate(&prompt, field, scratch, body);
}

static struct cb_status encode(struct vtx_job *job, const char *field,
                               enum vtx_verb verb, struct cb_arena *scratch,
                               struct cb_buf *body) {
  if (job->flow->source.kind == VTX_SOURCE_COUNT) {
    return vtx_body_count_request(job->flow->source.count_tokens,
                                  options_of(job)->default_model, scratch, body,
                                  &job->wants.model);
  }
  return encode_prompt(job, field, verb, scratch, body);
}

static const struct vtx_model_call_events events;
static const struct vtx_model_call_events count_events;

/* Encodes and starts one call of the model. */
static struct cb_status call_model(struct vtx_job *job, enum vtx_verb verb,
                                   const struct vtx_model_call_events *heard) {
  const struct vtx_service_options *options = options_of(job);
  struct cb_arena *scratch = cb_arena_new(options->budget, SIZE_MAX, 0);
  struct cb_status status = cb_status_ok();
  struct cb_buf body;
  char field[VTX_FIELD_ROOM];

  if (!scratch) return no_memory();
  vtx_source_field(&job->flow->source, job->result.index, field);
  cb_buf_init(&body, VTX_BODY_MAX, options->budget);
  status = encode(job, field, verb, scratch, &body);
  if (status.code == CB_OK) {
    struct vtx_model_call_spec spec = {
        .verb = verb,
        .model = job->wants.model,
        .body = &body,
        .deadline = job->deadline,
        .keep_raw = job->wants.include_raw,
    };

    job->call = vtx_model_call_start(options->upstream, &spec, heard, job,
                                     scratch, &status);
    assert(job->call || status.code != CB_OK);
  }
  status = cb_status_copy(&status, job->result.arena);
  name_model_field(job, field, &status);
  cb_buf_release(&body);
  cb_arena_free(scratch);
  return status;
}

static bool begin_stream(struct vtx_job *job) {
  const struct vtx_service_options *options = options_of(job);

  if (job->flow->verb != VTX_STREAM_GENERATE) return true;
  job->stream = cb_arena_zalloc(job->result.arena, 1, sizeof *job->stream);
  if (!job->stream) return false;
  vtx_stream_answer_init(job->stream, &job->wants, options->max_response_bytes,
                         options->budget);
  return true;
}

bool vtx_job_start(struct vtx_job *job) {
  struct vtx_flow *flow = job->flow;

  job->started = now_of(job);
  job->deadline = cb_time_add(job->started, flow->item_timeout);
  if (flow->end < job->deadline) job->deadline = flow->end;
  if (begin_stream(job)) {
    job->result.status = call_model(job, flow->verb, &events);
  } else {
    job->result.status = no_memory();
  }
  if (job->result.status.code == CB_OK) {
    job->result.attempts = 1;
    return true;
  }
  if (job->stream) vtx_stream_answer_release(job->stream);
  return false;
}

static void try_again(struct cb_timer *timer) {
  struct vtx_job *job = CB_CONTAINER(timer, struct vtx_job, retry);
  struct cb_status status = call_model(job, job->flow->verb, &events);

  if (status.code != CB_OK) {
    fail(job, &status);
    return;
  }
  job->result.attempts++;
}

void vtx_job_abort(struct vtx_job *job, const struct cb_status *status) {
  if (job->call) vtx_model_call_cancel(job->call);
  job->call = NULL;
  vtx_engine_cancel_timer(options_of(job)->upstream->engine, &job->retry);
  fail(job, status);
}

void vtx_job_pause(struct vtx_job *job, bool paused) {
  if (!job->call) return;
  if (paused) {
    vtx_model_call_pause(job->call);
  } else {
    vtx_model_call_resume(job->call);
  }
}

/* Answers. */

struct serving {
  Vertexd__V1__Serving message;
  Google__Protobuf__Duration queue;
  Google__Protobuf__Duration upstream;
};

/* Says how the answer was served; left out when there is no memory to. */
static void add_serving(struct vtx_job *job,
                        Vertexd__V1__GenerateResponse *response,
                        struct cb_arena *arena) {
  struct serving *serving = cb_arena_zalloc(arena, 1, sizeof *serving);

  if (!serving) return;
  vertexd__v1__serving__init(&serving->message);
  serving->queue = vtx_duration_make(job->started - job->flow->arrived);
  serving->upstream = vtx_duration_make(now_of(job) - job->started);
  serving->message.target = (char *)job->target;
  serving->message.attempts = job->result.attempts;
  serving->message.queue_time = &serving->queue;
  serving->message.upstream_time = &serving->upstream;
  serving->message.nul_replaced = (int32_t)job->nul_replaced;
  response->serving = &serving->message;
}

/* The answer is whole but for a count that the caller wants and the upstream
 * did not give: asks for it. False if there is nothing to ask. */
static bool ask_count(struct vtx_job *job) {
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)job->result.message;

  if (!job->wants.count_tokens || response->token_count) return false;
  return call_model(job, VTX_COUNT_TOKENS, &count_events).code == CB_OK;
}

static void count_done(void *ctx, const struct vtx_model_call_result *result,
                       struct vtx_answer *answer) {
  struct vtx_job *job = ctx;
  Vertexd__V1__GenerateResponse *response =
      (Vertexd__V1__GenerateResponse *)job->result.message;
  Vertexd__V1__TokenCount *count = NULL;

  (void)result; /* without a count the answer is still an answer */
  job->call = NULL;
  if (answer) {
    const Vertexd__V1__CountTokensResponse *counted =
        (const Vertexd__V1__CountTokensResponse *)answer->message;

    count = cb_arena_alloc(job->result.arena, sizeof *count);
    if (count) {
      vertexd__v1__token_count__init(count);
      count->prompt_tokens = counted->total_tokens;
      count->total_tokens = counted->total_tokens;
      response->token_count = count;
    }
    cb_arena_free(answer->arena);
  }
  over(job);
}

static void finish_answer(struct vtx_job *job, struct vtx_answer *answer) {
  struct vtx_result *result = &job->result;
  Vertexd__V1__GenerateResponse *response;
  struct cb_status status;

  result->answer_arena = answer->arena;
  result->message = answer->message;
  if (job->flow->verb == VTX_COUNT_TOKENS) {
    over(job);
    return;
  }
  response = (Vertexd__V1__GenerateResponse *)answer->message;
  if (job->wants.include_raw && answer->raw) {
    response->raw_json = (char *)answer->raw;
  }
  status =
      vtx_answer_finish(response, &job->wants, &answer->notes, answer->arena);
  if (status.code != CB_OK) {
    status = cb_status_copy(&status, result->arena);
    fail(job, &status);
    return;
  }
  job->nul_replaced = answer->notes.nul_replaced;
  add_serving(job, response, answer->arena);
  if (!ask_count(job)) over(job);
}

static void finish_stream(struct vtx_job *job) {
  struct vtx_result *result = &job->result;
  Vertexd__V1__GenerateResponse *last = NULL;
  struct cb_status status;

  result->answer_arena = cb_arena_new(options_of(job)->budget, SIZE_MAX, 0);
  if (!result->answer_arena) {
    status = no_memory();
    fail(job, &status);
    return;
  }
  status = vtx_stream_answer_finish(job->stream, result->answer_arena, &last);
  if (status.code != CB_OK) {
    status = cb_status_copy(&status, result->arena);
    fail(job, &status);
    return;
  }
  result->message = &last->base;
  add_serving(job, last, result->answer_arena);
  if (!ask_count(job)) over(job);
}

static struct vtx_result *chunk_result(struct vtx_job *job,
                                       const struct vtx_answer *answer) {
  struct vtx_result *chunk = cb_arena_alloc(answer->arena, sizeof *chunk);

  if (!chunk) return NULL;
  *chunk = (struct vtx_result){
      .mail.deliver = job->flow->take_result,
      .service = job->flow->service,
      .sink = job->flow->id,
      .arena = answer->arena,
      .index = job->result.index,
      .status = cb_status_ok(),
      .message = answer->message,
      .id = "",
  };
  return chunk;
}

/* From inside an event of the call, which may be cancelled there. */
static void break_off(struct vtx_job *job, struct vtx_answer *answer,
                      const struct cb_status *status) {
  struct cb_status kept = cb_status_copy(status, job->result.arena);

  cb_arena_free(answer->arena);
  vtx_job_abort(job, &kept);
}

static void on_chunk(void *ctx, struct vtx_answer *answer) {
  struct vtx_job *job = ctx;
  struct vtx_result *result = chunk_result(job, answer);
  Vertexd__V1__GenerateResponse *chunk =
      (Vertexd__V1__GenerateResponse *)answer->message;
  struct cb_status status = no_memory();

  if (result) {
    if (job->wants.include_raw && answer->raw) {
      chunk->raw_json = (char *)answer->raw;
    }
    status = vtx_stream_answer_chunk(job->stream, chunk, &answer->notes,
                                     answer->arena);
  }
  if (status.code != CB_OK) {
    break_off(job, answer, &status);
    return;
  }
  job->nul_replaced += answer->notes.nul_replaced;
  job->chunk_posted = true;
  vtx_flow_post(job->flow, result);
}

/* A transfer that ran into its deadline says so in the transport's words; the
 * caller's are better, and tell which time was over. */
static struct cb_status in_callers_words(const struct vtx_job *job,
                                         const struct cb_status *status) {
  struct cb_status own;

  if (!vtx_reason_is(status, VTX_UPSTREAM_TIMEOUT)) {
    return cb_status_copy(status, job->result.arena);
  }
  own = job->deadline == job->flow->end
            ? vtx_refuse(VTX_SERVICE_DEADLINE_EXCEEDED,
                         "the time of the call was over before this was done")
            : vtx_refuse(VTX_SERVICE_ITEM_TIMEOUT,
                         "the time for one item was over");
  return own;
}

static void on_failure(struct vtx_job *job, const struct cb_status *failure) {
  const struct vtx_service_options *options = options_of(job);
  struct cb_status status = in_callers_words(job, failure);
  int64_t when;

  if (!job->chunk_posted &&
      vtx_retry_decide(&options->retry, failure, job->result.attempts,
                       now_of(job), job->deadline, &when) &&
      vtx_engine_set_timer(options->upstream->engine, &job->retry, when)) {
    return;
  }
  fail(job, &status);
}

static void on_done(void *ctx, const struct vtx_model_call_result *result,
                    struct vtx_answer *answer) {
  struct vtx_job *job = ctx;
  char *target = cb_arena_strdup(job->result.arena, result->target);

  job->call = NULL;
  if (target) job->target = target;
  if (result->status.code != CB_OK) {
    on_failure(job, &result->status);
  } else if (job->stream) {
    finish_stream(job);
  } else {
    finish_answer(job, answer);
  }
}

static const struct vtx_model_call_events events = {on_chunk, on_done};
static const struct vtx_model_call_events count_events = {NULL, count_done};
