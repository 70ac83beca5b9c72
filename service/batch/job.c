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
#include "service/limits.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"

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

static void try_again(struct cb_timer *timer);

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
  job->retry.fire = try_again;
  job->target = "";
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
  return job;
}

void vtx_job_over(struct vtx_job *job) {
  struct vtx_stream_answer *stream = job->stream;

  if (job->result.attempts > 0) {
    job->result.duration = vtx_job_now(job) - job->started;
  }
  if (stream) vtx_stream_answer_release(stream);
  vtx_flow_job_over(job->flow, job, true);
}

void vtx_job_fail(struct vtx_job *job, const struct cb_status *status) {
  vtx_result_fail(&job->result, status);
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

/* Puts body and model of one prompt together. */
static struct cb_status encode_prompt(struct vtx_job *job, const char *field,
                                      enum vtx_verb verb,
                                      struct cb_arena *scratch,
                                      struct cb_buf *body) {
  struct vtx_prompt prompt = {.default_model =
                                  vtx_job_options(job)->default_model};
  struct cb_status status =
      vtx_source_prompt(job->source, job->result.index, scratch, &prompt);

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
        .verb = verb,
        .model = job->wants.model,
        .body = &body,
        .deadline = job->deadline,
        .keep_raw = job->wants.include_raw,
    };

    job->call = vtx_model_call_start(&spec, heard, job, scratch, &status);
    assert(job->call || status.code != CB_OK);
  }
  status = cb_status_copy(&status, job->result.arena);
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

bool vtx_job_start(struct vtx_job *job) {
  struct vtx_flow *flow = job->flow;

  job->started = vtx_job_now(job);
  job->deadline = cb_time_add(job->started, flow->item_timeout);
  if (flow->end < job->deadline) job->deadline = flow->end;
  if (begin_stream(job)) {
    job->result.status = vtx_job_call(job, flow->verb, &vtx_job_events);
  } else {
    job->result.status = vtx_job_no_memory();
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
  struct cb_status status = vtx_job_call(job, job->flow->verb, &vtx_job_events);

  if (status.code != CB_OK) {
    vtx_job_fail(job, &status);
    return;
  }
  job->result.attempts++;
}

void vtx_job_abort(struct vtx_job *job, const struct cb_status *status) {
  if (job->call) vtx_model_call_cancel(job->call);
  job->call = NULL;
  vtx_engine_cancel_timer(vtx_job_options(job)->upstream->engine, &job->retry);
  if (job->result.message) {
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
