#include "model_call_probe.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cmocka_all.h"

void place_start(struct place *place, const struct http_reply *replies,
                 size_t count) {
  place->arenas = cb_arena_live();
  cb_budget_init(&place->budget, 64 << 20);
  place->script = http_script_start(replies, count);
  place->upstream = (struct vtx_upstream){
      .engine = engine_start(&place->budget),
      .endpoint = {.base_url = http_script_url(place->script),
                   .project = "p",
                   .location = "global"},
      .credential = vtx_credential_none(),
      .max_response_bytes = 1 << 20,
      .budget = &place->budget,
  };
}

void place_end(struct place *place) {
  engine_end(place->upstream.engine);
  http_script_stop(place->script);
  vtx_credential_free(place->upstream.credential);
  assert_int_equal(cb_arena_live(), place->arenas);
  assert_int_equal(cb_budget_used(&place->budget), 0);
}

static void take_text(struct probe *probe, struct vtx_answer *answer) {
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)(void *)answer->message;
  const Vertexd__V1__CountTokensResponse *count =
      (const Vertexd__V1__CountTokensResponse *)(void *)answer->message;

  if (probe->verb == VTX_COUNT_TOKENS) {
    probe->tokens = count->total_tokens;
  } else if (response->n_candidates > 0 && response->candidates[0]->content) {
    size_t used = strlen(probe->text);

    snprintf(probe->text + used, sizeof probe->text - used, "%s",
             response->candidates[0]->content->parts[0]->text);
  }
  if (answer->raw) snprintf(probe->raw, sizeof probe->raw, "%s", answer->raw);
  probe->unrecognized += answer->notes.count;
  cb_arena_free(answer->arena);
}

static void on_chunk(void *ctx, struct vtx_answer *answer) {
  struct probe *probe = ctx;

  take_text(probe, answer);
  if (probe->on_chunk) probe->on_chunk(probe);
  tally_add(&probe->chunks);
}

static void on_done(void *ctx, const struct vtx_model_call_result *result,
                    struct vtx_answer *answer) {
  struct probe *probe = ctx;

  probe->silence = vtx_model_call_silence(probe->call);
  probe->call = NULL;
  probe->status = cb_status_copy(&result->status, probe->arena);
  snprintf(probe->target, sizeof probe->target, "%s", result->target);
  probe->upstream_time = result->upstream_time;
  if (answer) take_text(probe, answer);
  tally_add(&probe->done);
}

static void start(void *arg) {
  struct probe *probe = arg;
  struct cb_buf body;
  const struct vtx_model_call_spec spec = {
      .upstream = probe->upstream,
      .verb = probe->verb,
      .model = probe->model,
      .body = &body,
      .deadline = probe->deadline ? probe->deadline : CB_NEVER,
      .location = probe->location,
      .tier = probe->tier,
      .keep_raw = probe->keep_raw,
      .headers = &probe->header,
      .header_count = probe->header.key ? 1 : 0,
  };
  const struct vtx_model_call_events events = {on_chunk, on_done};

  cb_buf_init(&body, 1000, probe->upstream->budget);
  assert_true(cb_buf_add_text(&body, "{\"contents\":[]}"));
  probe->call =
      vtx_model_call_start(&spec, &events, probe, probe->arena, &probe->status);
  assert_int_equal(tally_count(&probe->done), 0);
  cb_buf_release(&body);
}

void probe_start(struct probe *probe) {
  tally_init(&probe->done);
  tally_init(&probe->chunks);
  probe->arena = cb_arena_new(NULL, 100000, 0);
  engine_do(probe->upstream->engine, start, probe);
}

void probe_run(struct probe *probe) {
  probe_start(probe);
  assert_true(tally_wait(&probe->done, 1));
}

void probe_release(struct probe *probe) {
  tally_release(&probe->done);
  tally_release(&probe->chunks);
  cb_arena_free(probe->arena);
}

struct probe probe_of(struct place *place, enum vtx_verb verb) {
  return (struct probe){
      .upstream = &place->upstream, .verb = verb, .model = "m"};
}
