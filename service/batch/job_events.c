/* What a job hears from its call of the model, and makes of it. */
#include <string.h>

#include "base/arena.h"
#include "service/batch/flow.h"
#include "service/batch/job_hops.h"
#include "service/batch/job_internal.h"
#include "service/batch/job_repair.h"
#include "service/batch/outcome.h"
#include "service/duration.h"
#include "service/reasons.h"
#include "service/service_state.h"
#include "service/vertex/reasons.h"

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
  serving->message.hops = vtx_hops_count(job);
  serving->message.queue_time = &serving->queue;
  serving->message.upstream_time = &serving->upstream;
  serving->message.nul_replaced = (int32_t)job->nul_replaced;
  serving->message.repaired = job->repair != NULL;
  if (job->tries) vtx_tries_fill(job->tries, arena, &serving->message);
  vtx_place_tell(&job->place, job->wants.model ? job->wants.model : "",
                 &vtx_job_options(job)->upstream->endpoint, arena,
                 &serving->message);
  response->serving = &serving->message;
}

static void count_done(void *ctx, const struct vtx_model_call_result *result,
                       struct vtx_answer *answer);

/* The answer is whole but for a count that the caller wants and the upstream
 * did not give: asks for it. False if there is nothing to ask. No gate counts
 * it: counting has a quota of its own upstream. */
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
    vtx_job_attempt_over(job, &result->status, -1);
    vtx_job_over(job);
    return;
  }
  response = (Vertexd__V1__GenerateResponse *)answer->message;
  vtx_job_attempt_over(job, &result->status, vtx_outcome_tokens(response));
  if (job->wants.include_raw && answer->raw) {
    response->raw_json = (char *)answer->raw;
  }
  status =
      vtx_answer_finish(response, &job->wants, &answer->notes, answer->arena);
  if (status.code != CB_OK) {
    if (!vtx_job_repair(job, &status)) vtx_job_fail(job, &status);
    return;
  }
  job->nul_replaced = answer->notes.nul_replaced;
  add_serving(job, response, answer->arena);
  if (!ask_count(job)) vtx_job_over(job);
}

static double tokens_of_stream(const struct vtx_job *job) {
  int64_t total = job->stream->usage.total;

  return total > 0 ? (double)total : -1;
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
  vtx_job_attempt_over(job, &result->status, tokens_of_stream(job));
  if (status.code != CB_OK) {
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
  struct cb_status kept = vtx_status_copy(status, job->result.arena);

  cb_arena_free(answer->arena);
  vtx_job_abort(job, &kept);
}

/* A chunk of an answer that is wanted whole. */
static void collect(struct vtx_job *job, struct vtx_answer *answer) {
  struct cb_status status = vtx_hops_collect(job, answer, job->result.arena);

  if (status.code == CB_OK) {
    cb_arena_free(answer->arena);
  } else {
    break_off(job, answer, &status);
  }
}

static void post_chunk(struct vtx_job *job, struct vtx_answer *answer) {
  struct vtx_result *result = chunk_result(job, answer);
  Vertexd__V1__GenerateResponse *chunk =
      (Vertexd__V1__GenerateResponse *)answer->message;
  struct cb_status status = vtx_job_no_memory();

  if (result) status = vtx_hops_chunk(job, answer, job->result.arena);
  if (result && status.code == CB_OK) {
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

static void on_chunk(void *ctx, struct vtx_answer *answer) {
  struct vtx_job *job = ctx;

  if (job->stream) {
    post_chunk(job, answer);
  } else {
    collect(job, answer);
  }
}

struct cb_status vtx_job_late(const struct vtx_job *job) {
  return job->deadline == job->flow->end
             ? vtx_refuse(VTX_SERVICE_DEADLINE_EXCEEDED,
                          "the time of the call was over before this was done")
             : vtx_refuse(VTX_SERVICE_ITEM_TIMEOUT,
                          "the time for one item was over");
}

/* A transfer that ran into its deadline says so in the transport's words; the
 * caller's are better, and tell which time was over. A 504 is the upstream's
 * own and stays. */
static struct cb_status in_callers_words(const struct vtx_job *job,
                                         const struct cb_status *status) {
  return vtx_reason_is(status, VTX_UPSTREAM_TIMEOUT) && status->http_status == 0
             ? vtx_job_late(job)
             : *status;
}

/* The attempt has ended in a way that step says, with that status: goes on,
 * makes another, or an end. */
static void follow(struct vtx_job *job, enum vtx_hops_step step,
                   struct cb_status *status) {
  if (step == VTX_HOPS_NEXT) {
    vtx_job_go_on(job);
  } else if (step == VTX_HOPS_FAIL || !vtx_job_try_again(job, status)) {
    vtx_job_fail(job, status);
  }
}

static void on_failure(struct vtx_job *job, const struct cb_status *failure) {
  struct cb_status status = in_callers_words(job, failure);

  vtx_job_attempt_over(job, failure, -1);
  follow(job, vtx_hops_broken(job, &status), &status);
}

static void on_success(struct vtx_job *job, struct vtx_answer *answer) {
  struct cb_status status;
  enum vtx_hops_step step = vtx_hops_done(job, answer, &status);

  if (step != VTX_HOPS_OVER) {
    vtx_job_attempt_over(job, &status, -1);
    follow(job, step, &status);
  } else if (job->stream) {
    finish_stream(job);
  } else {
    finish_answer(job, answer);
  }
}

/* A prompt that two places refuse for quota goes to and fro, as often as its
 * time allows: no copy each time. */
static void note_target(struct vtx_job *job, const char *target) {
  const char *name = vtx_tries_name(job->tries, target);

  if (strcmp(job->target, target) == 0) return;
  if (!name) name = cb_arena_strdup(job->result.arena, target);
  job->target = name ? name : "";
}

static void on_done(void *ctx, const struct vtx_model_call_result *result,
                    struct vtx_answer *answer) {
  struct vtx_job *job = ctx;
  struct vtx_answer given = {.arena = NULL};

  job->silence = vtx_model_call_silence(job->call);
  job->call = NULL;
  note_target(job, result->target);
  if (answer) given = *answer;
  if (result->status.code == CB_OK) {
    on_success(job, &given);
  } else {
    on_failure(job, &result->status);
  }
}

const struct vtx_model_call_events vtx_job_events = {on_chunk, on_done};
