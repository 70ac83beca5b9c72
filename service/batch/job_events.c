/* What a job hears from its call of the model, and makes of it. */
#include "base/arena.h"
#include "service/batch/flow.h"
#include "service/batch/job_internal.h"
#include "service/duration.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/reasons.h"
#include "service/vertex/retry.h"

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
  serving->queue = vtx_duration_make(job->started - job->arrived);
  serving->upstream = vtx_duration_make(vtx_job_now(job) - job->started);
  serving->message.target = (char *)job->target;
  serving->message.attempts = job->result.attempts;
  serving->message.queue_time = &serving->queue;
  serving->message.upstream_time = &serving->upstream;
  serving->message.nul_replaced = (int32_t)job->nul_replaced;
  response->serving = &serving->message;
}

static void count_done(void *ctx, const struct vtx_model_call_result *result,
                       struct vtx_answer *answer);

/* The answer is whole but for a count that the caller wants and the upstream
 * did not give: asks for it. False if there is nothing to ask. */
static bool ask_count(struct vtx_job *job) {
  static const struct vtx_model_call_events events = {NULL, count_done};
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)job->result.message;

  if (!job->wants.count_tokens || response->token_count) return false;
  return vtx_job_call(job, VTX_COUNT_TOKENS, &events).code == CB_OK;
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
  vtx_job_over(job);
}

static void finish_answer(struct vtx_job *job, struct vtx_answer *answer) {
  struct vtx_result *result = &job->result;
  Vertexd__V1__GenerateResponse *response;
  struct cb_status status;

  result->answer_arena = answer->arena;
  result->message = answer->message;
  if (job->flow->verb == VTX_COUNT_TOKENS) {
    vtx_job_over(job);
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
    vtx_job_fail(job, &status);
    return;
  }
  job->nul_replaced = answer->notes.nul_replaced;
  add_serving(job, response, answer->arena);
  if (!ask_count(job)) vtx_job_over(job);
}

static void finish_stream(struct vtx_job *job) {
  struct vtx_result *result = &job->result;
  Vertexd__V1__GenerateResponse *last = NULL;
  struct cb_status status;

  result->answer_arena =
      cb_arena_new(vtx_job_options(job)->budget, SIZE_MAX, 0);
  if (!result->answer_arena) {
    status = vtx_job_no_memory();
    vtx_job_fail(job, &status);
    return;
  }
  status = vtx_stream_answer_finish(job->stream, result->answer_arena, &last);
  if (status.code != CB_OK) {
    status = cb_status_copy(&status, result->arena);
    vtx_job_fail(job, &status);
    return;
  }
  result->message = &last->base;
  add_serving(job, last, result->answer_arena);
  if (!ask_count(job)) vtx_job_over(job);
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
  struct cb_status status = vtx_job_no_memory();

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
 * caller's are better, and tell which time was over. A 504 is the upstream's
 * own and stays. */
static struct cb_status in_callers_words(const struct vtx_job *job,
                                         const struct cb_status *status) {
  struct cb_status own;

  if (!vtx_reason_is(status, VTX_UPSTREAM_TIMEOUT) ||
      status->http_status != 0) {
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
  const struct vtx_service_options *options = vtx_job_options(job);
  struct cb_status status = in_callers_words(job, failure);
  const struct vtx_retry_case failed = {.status = failure,
                                        .attempts = job->result.attempts,
                                        .now = vtx_job_now(job),
                                        .deadline = job->deadline};
  uint64_t random = (uint64_t)failed.now;
  int64_t when;

  if (!job->chunk_posted && vtx_retry_allowed(&options->retry, &failed) &&
      vtx_retry_when(&options->retry, &failed, &random, &when) &&
      vtx_engine_set_timer(options->upstream->engine, &job->retry, when)) {
    return;
  }
  vtx_job_fail(job, &status);
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

const struct vtx_model_call_events vtx_job_events = {on_chunk, on_done};
