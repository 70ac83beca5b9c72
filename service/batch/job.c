/* Attempts share one deadline and one place in max_concurrency. Each encodes
 * the prompt anew: the body was moved into the call before, and keeping a copy
 * for a retry that rarely comes would cost every prompt its size twice.
 */
#include "service/batch/job_internal.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/batch/flow.h"
#include "service/batch/input.h"
#include "service/batch/job_hops.h"
#include "service/batch/job_repair.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"

/* The job itself, a short id and a short error, in one block. */
#define JOB_FIRST (sizeof(struct vtx_job) + 320)

const struct vtx_service_options *vtx_job_options(const struct vtx_job *job) {
  return &job->flow->service->options;
}

int64_t vtx_job_now(const struct vtx_job *job) {
  return vtx_engine_now(vtx_job_options(job)->upstream->engine);
}

struct cb_status vtx_job_no_memory(void) {
  return vtx_refuse(VTX_SERVICE_SERVER_MEMORY,
                    "the server has no memory for this");
}

struct vtx_job *vtx_job_new(struct vtx_flow *flow, uint32_t index,
                            struct vtx_input *input) {
  struct vtx_service *service = flow->service;
  struct cb_arena *arena =
      cb_arena_new(service->options.budget, VTX_JOB_ARENA_MAX, JOB_FIRST);
  struct vtx_job *job = arena ? cb_arena_zalloc(arena, 1, sizeof *job) : NULL;

  if (!job) {
    cb_arena_free(arena);
    return NULL;
  }
  job->flow = flow;
  job->source = input ? &input->source : &flow->source;
  job->arrived = input ? input->arrived : flow->arrived;
  job->target = "";
  cb_list_init(&job->again);
  job->result = (struct vtx_result){
      .mail.deliver = flow->take_result,
      .service = service,
      .sink = flow->id,
      .arena = arena,
      .input_arena = input ? input->arena : NULL,
      .index = index,
      .last = true,
      .status = cb_status_ok(),
      .id = cb_arena_strdup(arena, vtx_source_id(job->source, index)),
  };
  if (!job->result.id) job->result.id = "";
  cb_list_append(&flow->jobs, &job->link);
  atomic_fetch_add_explicit(&service->job_count, 1, memory_order_relaxed);
  return job;
}

void vtx_job_over(struct vtx_job *job) {
  struct vtx_stream_answer *stream = job->stream;

  if (job->result.attempts > 0) {
    job->result.duration = vtx_job_now(job) - job->started;
  }
  if (stream) vtx_stream_answer_release(stream);
  vtx_hops_release(job);
  vtx_job_repair_release(job);
  vtx_job_stop_waiting(job);
  cb_arena_free(job->failed_arena);
  job->failed_arena = NULL;
  vtx_flow_job_over(job->flow, job);
}

/* Tells in the error's metadata what was tried, and counts an attempt that was
 * not counted because it was refused for quota. */
static void tell_tries(struct vtx_job *job, struct cb_status *status) {
  char text[VTX_TRIES_TEXT];

  if (!job->tries) return;
  if (job->result.attempts == 0) job->result.attempts = 1;
  vtx_tries_text(job->tries, text);
  cb_status_add(status, job->result.arena, "tried", text);
}

void vtx_job_fail(struct vtx_job *job, const struct cb_status *status) {
  struct cb_status whole = vtx_status_copy(status, job->result.arena);

  tell_tries(job, &whole);
  vtx_hops_tell(job, &whole);
  vtx_result_fail(&job->result, &whole);
  vtx_job_over(job);
}

/* Where the model is at fault, tells whose it was: the item's own, or that of
 * the defaults. */
static void name_model_field(const struct vtx_job *job, const char *field,
                             struct cb_status *status) {
  static const char model[] = "model";
  const struct vtx_source *source = job->source;
  size_t size = strlen(status->field);
  const char *own = NULL;

  if (size < sizeof model - 1 ||
      strcmp(status->field + size - (sizeof model - 1), model) != 0 ||
      source->kind == VTX_SOURCE_ONE || source->kind == VTX_SOURCE_COUNT) {
    return;
  }
  if (vtx_source_has_model(source, job->result.index)) {
    own = cb_arena_printf(job->result.arena, "%s.model", field);
  } else if (source->kind == VTX_SOURCE_PIPE) {
    own = "start.defaults.model";
  }
  status->field = own ? own : "defaults.model";
}

/* The model that the call is for: the place's, or else the prompt's. */
static const char *model_of(const struct vtx_job *job) {
  const char *model = job->place.candidate.model;

  return *model ? model : job->wants.model;
}

/* The full name of the prompt's cache, as it is where the call goes; NULL in
 * *ret_cache if it has none. False when arena is full. */
static bool name_cache(const struct vtx_job *job, struct cb_arena *arena,
                       const char **ret_cache) {
  struct vtx_endpoint endpoint = vtx_job_options(job)->upstream->endpoint;
  const char *cache = vtx_source_cache(job->source, job->result.index);

  *ret_cache = NULL;
  if (!*cache) return true;
  if (job->place.candidate.location[0])
    endpoint.location = job->place.candidate.location;
  *ret_cache = vtx_endpoint_cache(&endpoint, model_of(job), cache, arena);
  return *ret_cache != NULL;
}

/* Puts body and model of one prompt together. */
static struct cb_status encode_prompt(struct vtx_job *job, const char *field,
                                      enum vtx_verb verb,
                                      struct cb_arena *scratch,
                                      struct cb_buf *body) {
  const struct vtx_service_options *options = vtx_job_options(job);
  struct vtx_prompt prompt = {.default_model = options->default_model,
                              .labels = options->labels,
                              .tier = options->tier,
                              .repair = job->repair};
  struct cb_status status =
      vtx_source_prompt(job->source, job->result.index, scratch, &prompt);
  ProtobufCBinaryData token;

  prompt.continuation = vtx_hops_token(job, &token);
  if (status.code != CB_OK) return status;
  status = vtx_prompt_check(&prompt, field, scratch, &job->wants);
  if (status.code != CB_OK) return status;
  if (!name_cache(job, scratch, &prompt.cached_content))
    return vtx_job_no_memory();
  return verb == VTX_COUNT_TOKENS
             ? vtx_body_count(&prompt, field, scratch, body)
             : vtx_body_generate(&prompt, field, scratch, body);
}

static struct cb_status encode(struct vtx_job *job, const char *field,
                               enum vtx_verb verb, struct cb_arena *scratch,
                               struct cb_buf *body) {
  if (job->source->kind == VTX_SOURCE_COUNT) {
    return vtx_body_count_request(job->source->count_tokens,
                                  vtx_job_options(job)->default_model, scratch,
                                  body, &job->wants.model);
  }
  return encode_prompt(job, field, verb, scratch, body);
}

struct cb_status vtx_job_call(struct vtx_job *job, enum vtx_verb verb,
                              const struct vtx_model_call_events *heard) {
  const struct vtx_service_options *options = vtx_job_options(job);
  struct cb_arena *scratch = cb_arena_new(options->budget, SIZE_MAX, 0);
  struct cb_status status = cb_status_ok();
  struct cb_buf body;
  char field[VTX_FIELD_ROOM];

  if (!scratch) return vtx_job_no_memory();
  vtx_source_field(job->source, job->result.index, field);
  cb_buf_init(&body, VTX_BODY_MAX, options->budget);
  status = encode(job, field, verb, scratch, &body);
  if (status.code == CB_OK) {
    struct vtx_model_call_spec spec = {
        .upstream = options->upstream,
        .verb = verb == VTX_GENERATE ? vtx_hops_verb(job) : verb,
        .model = model_of(job),
        .location = job->place.candidate.location,
        .body = &body,
        .deadline = job->deadline,
        .keep_raw = job->wants.include_raw,
        .tier = job->wants.tier,
    };

    job->call = vtx_model_call_start(&spec, heard, job, scratch, &status);
    assert(job->call || status.code != CB_OK);
  }
  status = vtx_status_copy(&status, job->result.arena);
  name_model_field(job, field, &status);
  cb_buf_release(&body);
  cb_arena_free(scratch);
  return status;
}

static bool begin_stream(struct vtx_job *job) {
  const struct vtx_service_options *options = vtx_job_options(job);

  if (job->flow->verb != VTX_STREAM_GENERATE) return true;
  job->stream = cb_arena_zalloc(job->result.arena, 1, sizeof *job->stream);
  if (!job->stream) return false;
  vtx_stream_answer_init(job->stream, &job->wants, options->max_response_bytes,
                         options->budget);
  return true;
}

bool vtx_job_attempt(struct vtx_job *job) {
  struct cb_status status;

  job->attempt_started = cb_now(NULL); /* not before the scheduler's look */
  job->silence = 0;
  job->end = (struct vtx_gate_end){VTX_OUTCOME_NOTHING, -1, -1,
                                   .estimated = job->cost, .used = -1};
  if (!vtx_hops_begin(job)) {
    status = vtx_job_no_memory();
    vtx_job_fail(job, &status);
    return false;
  }
  status = vtx_job_call(job, job->flow->verb, &vtx_job_events);
  if (status.code != CB_OK) {
    vtx_job_fail(job, &status);
    return false;
  }
  if (job->flow->paused) vtx_job_pause(job, true); /* a later hop's call */
  vtx_retry_began(&job->flow->service->retries, &job->ticket);
  job->state = VTX_JOB_CALLING;
  job->result.attempts++;
  return true;
}

bool vtx_job_start(struct vtx_job *job) {
  struct vtx_flow *flow = job->flow;
  struct cb_status status;

  job->started = vtx_job_now(job);
  job->deadline = cb_time_add(job->started, flow->item_timeout);
  if (flow->end < job->deadline) job->deadline = flow->end;
  if (begin_stream(job)) return vtx_job_attempt(job);
  status = vtx_job_no_memory();
  vtx_job_fail(job, &status);
  return false;
}

struct vtx_gate_end vtx_job_gate_end(const struct vtx_job *job) {
  return job->end;
}

void vtx_job_abort(struct vtx_job *job, const struct cb_status *status) {
  bool answered = job->result.message != NULL;

  if (job->call && !answered) vtx_job_attempt_given_up(job);
  if (job->call) vtx_model_call_cancel(job->call);
  job->call = NULL;
  if (answered) {
    vtx_job_over(job); /* it is answered, and only its count is missing */
  } else {
    vtx_job_fail(job, status);
  }
}

void vtx_job_pause(struct vtx_job *job, bool paused) {
  if (!job->call) return;
  if (paused) {
    vtx_model_call_pause(job->call);
  } else {
    vtx_model_call_resume(job->call);
  }
}
