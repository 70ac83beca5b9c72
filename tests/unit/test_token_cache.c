/* The token cache on a clock that the test turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "service/vertex/credentials/token_cache.h"

#define S CB_SECOND

struct fake_source {
  struct vtx_token_source source;
  struct vtx_token_sink sink;
  int fetches;
  int cancels;
  bool *freed;
};

struct world {
  int64_t now;
  struct cb_timers timers;
  struct vtx_token_cache cache;
  struct fake_source *source;
  bool freed[4];
};

struct asked {
  struct vtx_credential_wait wait;
  int count;
  struct cb_status status;
  char value[64];
  char project[64];
  size_t headers;
};

static void fake_fetch(struct vtx_token_source *source,
                       struct vtx_token_sink sink) {
  struct fake_source *self = (struct fake_source *)(void *)source;

  self->fetches++;
  self->sink = sink;
}

static void fake_cancel(struct vtx_token_source *source) {
  ((struct fake_source *)(void *)source)->cancels++;
}

static void fake_free(struct vtx_token_source *source) {
  *((struct fake_source *)(void *)source)->freed = true;
  free(source);
}

static const struct vtx_token_source_type fake_type = {fake_fetch, fake_cancel,
                                                       fake_free};

static struct fake_source *fake_new(bool *freed) {
  struct fake_source *source = calloc(1, sizeof *source);

  source->source.type = &fake_type;
  source->freed = freed;
  return source;
}

static int64_t world_now(void *self) { return ((struct world *)self)->now; }

static bool world_set(void *self, struct cb_timer *timer, int64_t when) {
  return cb_timers_set(&((struct world *)self)->timers, timer, when);
}

static void world_cancel(void *self, struct cb_timer *timer) {
  cb_timers_cancel(&((struct world *)self)->timers, timer);
}

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  const struct vtx_token_loop loop = {world_now, world_set, world_cancel,
                                      world};

  world->now = 1000 * S;
  cb_timers_init(&world->timers);
  vtx_token_cache_init(&world->cache, &loop, 7);
  world->source = fake_new(&world->freed[0]);
  assert_true(
      vtx_token_cache_set_source(&world->cache, &world->source->source, NULL));
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;

  vtx_token_cache_release(&world->cache);
  assert_int_equal(cb_timers_next(&world->timers), CB_NEVER);
  cb_timers_release(&world->timers);
  free(world);
  return 0;
}

static void turn_to(struct world *world, int64_t when) {
  while (cb_timers_next(&world->timers) <= when) {
    int64_t next = cb_timers_next(&world->timers);

    if (next > world->now) world->now = next;
    cb_timers_run(&world->timers, world->now);
  }
  world->now = when;
}

static void on_ready(struct vtx_credential_wait *wait,
                     const struct cb_status *status,
                     const struct cb_pair *headers, size_t count) {
  struct asked *asked = CB_CONTAINER(wait, struct asked, wait);

  asked->count++;
  asked->status = *status;
  asked->headers = count;
  if (count > 0) {
    assert_string_equal(headers[0].key, "Authorization");
    snprintf(asked->value, sizeof asked->value, "%s", headers[0].value);
  }
  if (count > 1) {
    assert_string_equal(headers[1].key, "x-goog-user-project");
    snprintf(asked->project, sizeof asked->project, "%s", headers[1].value);
  }
}

static void ask(struct world *world, struct asked *asked) {
  *asked = (struct asked){.wait.ready = on_ready};
  cb_list_init(&asked->wait.link);
  vtx_token_cache_get(&world->cache, &asked->wait);
}

static void assert_gives(struct world *world, const char *value) {
  struct asked asked;

  ask(world, &asked);
  assert_int_equal(asked.count, 1);
  assert_int_equal(asked.status.code, CB_OK);
  assert_string_equal(asked.value, value);
}

static void give(struct fake_source *source, const char *token,
                 int64_t lifetime) {
  const struct vtx_token_result result = {
      .status = cb_status_ok(), .token = token, .lifetime = lifetime};

  source->sink.done(source->sink.ctx, &result);
}

static void refuse(struct fake_source *source, bool lasts) {
  struct vtx_token_failure failure;
  struct vtx_token_result result = {.lifetime = 0};

  vtx_token_fail(&failure, lasts, "it is away");
  result.status = failure.status;
  source->sink.done(source->sink.ctx, &result);
}

/* A world that holds token "one", got now, for that long. */
static void hold(struct world *world, int64_t lifetime) {
  struct asked asked;

  ask(world, &asked);
  give(world->source, "one", lifetime);
  assert_int_equal(asked.count, 1);
  assert_string_equal(asked.value, "Bearer one");
}

static enum vtx_token_state state_of(struct world *world) {
  return vtx_token_cache_state(&world->cache);
}

static void get__a_thousand_without_token__one_fetch(void **state) {
  struct world *world = *state;
  struct asked *asked = calloc(1000, sizeof *asked);

  for (size_t i = 0; i < 1000; i++)
    ask(world, &asked[i]);
  assert_int_equal(world->source->fetches, 1);
  assert_int_equal(asked[999].count, 0);
  give(world->source, "one", 3600 * S);
  for (size_t i = 0; i < 1000; i++) {
    assert_int_equal(asked[i].count, 1);
    assert_string_equal(asked[i].value, "Bearer one");
    assert_int_equal(asked[i].headers, 1);
  }
  assert_int_equal(world->source->fetches, 1);
  free(asked);
}

static void refresh__fresh_token__225_s_before_end_less_30(void **state) {
  struct world *world = *state;
  int64_t end = world->now + 3600 * S;

  hold(world, 3600 * S);
  assert_int_equal(state_of(world), VTX_TOKEN_FRESH);
  turn_to(world, end - 225 * S - 1);
  assert_int_equal(world->source->fetches, 1);
  turn_to(world, end - 195 * S);
  assert_int_equal(world->source->fetches, 2);
  assert_int_equal(state_of(world), VTX_TOKEN_STALE);
  assert_gives(world, "Bearer one"); /* nobody waits for it */
  assert_int_equal(world->source->fetches, 2);
  give(world->source, "two", 3600 * S);
  assert_gives(world, "Bearer two");
  assert_int_equal(state_of(world), VTX_TOKEN_FRESH);
}

static void refresh__random_part__differs(void **state) {
  struct world *world = *state;
  int64_t first = 0;
  bool differs = false;

  hold(world, 3600 * S);
  for (int i = 0; i < 20; i++) {
    int64_t early = world->cache.expires_at - world->cache.refresh_at;

    assert_in_range(early, 195 * S, 225 * S);
    if (first && early != first) differs = true;
    first = early;
    turn_to(world, world->cache.refresh_at);
    give(world->source, "next", 3600 * S);
  }
  assert_true(differs);
}

static void refresh__fails__old_token_until_its_end(void **state) {
  struct world *world = *state;
  int64_t end = world->now + 3600 * S;
  struct asked asked;

  hold(world, 3600 * S);
  turn_to(world, end - 195 * S);
  refuse(world->source, false);
  assert_gives(world, "Bearer one");
  assert_int_equal(world->source->fetches, 2); /* 1 s is not over */
  turn_to(world, world->now + S);
  assert_int_equal(world->source->fetches, 3);
  refuse(world->source, true); /* even if it is said to last */
  turn_to(world, end - 1);
  assert_gives(world, "Bearer one");
  turn_to(world, end);
  assert_int_equal(state_of(world), VTX_TOKEN_EXPIRED);
  ask(world, &asked);
  assert_int_equal(asked.count, 0); /* one is under way by now: waits */
  give(world->source, "two", 3600 * S);
  assert_string_equal(asked.value, "Bearer two");
}

static void backoff__failures__double_to_a_minute(void **state) {
  static const int64_t pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};
  struct world *world = *state;
  struct asked asked;

  ask(world, &asked);
  for (size_t i = 0; i < 8; i++) {
    int fetches = world->source->fetches;

    refuse(world->source, false);
    turn_to(world, world->now + pauses[i] * S - 1);
    assert_int_equal(world->source->fetches, fetches);
    turn_to(world, world->now + 1);
    assert_int_equal(world->source->fetches, fetches + 1);
  }
  give(world->source, "one", 450 * S);
  turn_to(world, world->now + 255 * S);
  refuse(world->source, false); /* begins with 1 s again */
  assert_int_equal(world->cache.retry_at, world->now + S);
}

static void get__failed_and_backing_off__told_at_once(void **state) {
  struct world *world = *state;
  struct asked first;
  struct asked second;

  ask(world, &first);
  refuse(world->source, false);
  assert_int_equal(first.count, 1);
  assert_int_equal(first.status.code, CB_UNAVAILABLE);
  assert_string_equal(first.status.reason, "CREDENTIAL_REFRESH_FAILED");
  assert_true(first.status.retryable);
  world->now += S / 4;
  ask(world, &second);
  assert_int_equal(second.count, 1);
  assert_string_equal(second.status.message, "it is away");
  assert_int_equal(second.status.retry_after, S * 3 / 4);
  assert_int_equal(world->source->fetches, 1);
}

static void get__refused_for_good__not_to_be_tried_again(void **state) {
  struct world *world = *state;
  struct asked asked;

  ask(world, &asked);
  refuse(world->source, true);
  assert_int_equal(asked.status.code, CB_FAILED_PRECONDITION);
  assert_string_equal(asked.status.reason, "CREDENTIAL_UNAVAILABLE");
  assert_false(asked.status.retryable);
}

static void refused__by_many__one_forced_fetch(void **state) {
  struct world *world = *state;
  struct asked asked[3];

  hold(world, 3600 * S);
  turn_to(world, world->now + 10 * S);
  for (size_t i = 0; i < 3; i++) {
    vtx_token_cache_refused(&world->cache);
    ask(world, &asked[i]);
    assert_int_equal(asked[i].count, 0);
  }
  assert_int_equal(state_of(world), VTX_TOKEN_REFUSED);
  assert_int_equal(world->source->fetches, 2);
  give(world->source, "two", 3600 * S);
  assert_string_equal(asked[2].value, "Bearer two");
  /* A late refusal of the first token must not spoil the second. */
  world->now += 9 * S;
  vtx_token_cache_refused(&world->cache);
  assert_gives(world, "Bearer two");
  assert_int_equal(world->source->fetches, 2);
}

static void refused__no_other_to_be_had__old_one_again(void **state) {
  struct world *world = *state;
  struct asked asked;

  hold(world, 3600 * S);
  turn_to(world, world->now + 60 * S);
  vtx_token_cache_refused(&world->cache);
  ask(world, &asked);
  refuse(world->source, false);
  assert_int_equal(asked.count, 1);
  assert_string_equal(asked.value, "Bearer one");
  vtx_token_cache_refused(&world->cache); /* backing off: no storm */
  assert_gives(world, "Bearer one");
  assert_int_equal(world->source->fetches, 2);
}

static void lifetime__not_said__kept_until_refused(void **state) {
  struct world *world = *state;
  struct asked asked;

  hold(world, 0);
  turn_to(world, world->now + 100000 * S);
  assert_gives(world, "Bearer one");
  assert_int_equal(world->source->fetches, 1);
  vtx_token_cache_refused(&world->cache);
  ask(world, &asked);
  assert_int_equal(world->source->fetches, 2);
  give(world->source, "two", 0);
  assert_string_equal(asked.value, "Bearer two");
}

static void lifetime__short__renewed_at_half(void **state) {
  struct world *world = *state;
  int64_t start = world->now;

  hold(world, 10 * S);
  turn_to(world, start + 5 * S - 1);
  assert_int_equal(world->source->fetches, 1);
  turn_to(world, start + 5 * S);
  assert_int_equal(world->source->fetches, 2);
}

/* It counts from the question, for the answer may have taken long. */
static void lifetime__slow_answer__counts_from_the_question(void **state) {
  struct world *world = *state;
  int64_t start = world->now;
  struct asked asked;

  ask(world, &asked);
  world->now += 30 * S;
  give(world->source, "one", 3600 * S);
  assert_int_equal(world->cache.expires_at, start + 3600 * S);
}

static void forget__while_waiting__not_told(void **state) {
  struct world *world = *state;
  struct asked gone;
  struct asked stays;

  ask(world, &gone);
  ask(world, &stays);
  vtx_token_cache_forget(&gone.wait);
  give(world->source, "one", 3600 * S);
  assert_int_equal(gone.count, 0);
  assert_int_equal(stays.count, 1);
}

static void set_source__another__token_stays_until_it_gives(void **state) {
  struct world *world = *state;
  struct fake_source *other = fake_new(&world->freed[1]);
  struct asked asked;

  hold(world, 3600 * S);
  assert_true(
      vtx_token_cache_set_source(&world->cache, &other->source, "payer"));
  assert_true(world->freed[0]);
  assert_int_equal(other->fetches, 1);
  ask(world, &asked);
  assert_string_equal(asked.value, "Bearer one");
  assert_int_equal(asked.headers, 1); /* its account may not use payer */
  give(other, "two", 3600 * S);
  ask(world, &asked);
  assert_string_equal(asked.value, "Bearer two");
  assert_string_equal(asked.project, "payer");
}

static void assert_gives_for(struct world *world, const char *value,
                             const char *project) {
  struct asked asked;

  ask(world, &asked);
  assert_int_equal(asked.count, 1);
  assert_string_equal(asked.value, value);
  assert_int_equal(asked.headers, project ? 2 : 1);
  if (project) assert_string_equal(asked.project, project);
}

/* Also where the new source fails for long, and another one follows it. */
static void set_source__gives_nothing__project_of_the_token(void **state) {
  struct world *world = *state;
  struct fake_source *second = fake_new(&world->freed[1]);
  struct fake_source *third = fake_new(&world->freed[2]);
  struct fake_source *fourth = fake_new(&world->freed[3]);

  hold(world, 3600 * S);
  assert_true(vtx_token_cache_set_source(&world->cache, &second->source, "b"));
  give(second, "two", 3600 * S);
  assert_gives_for(world, "Bearer two", "b");
  assert_true(vtx_token_cache_set_source(&world->cache, &third->source, "c"));
  refuse(third, true);
  assert_gives_for(world, "Bearer two", "b");
  assert_true(vtx_token_cache_set_source(&world->cache, &fourth->source, NULL));
  assert_gives_for(world, "Bearer two", "b");
  give(fourth, "four", 450 * S);
  assert_gives_for(world, "Bearer four", NULL);
  turn_to(world, world->now + 255 * S);
  give(fourth, "five", 450 * S); /* a later one of the same source */
  assert_gives_for(world, "Bearer five", NULL);
}

static void set_source__while_fetching__waiters_get_the_new(void **state) {
  struct world *world = *state;
  struct fake_source *other = fake_new(&world->freed[1]);
  struct asked asked;

  ask(world, &asked);
  assert_true(vtx_token_cache_set_source(&world->cache, &other->source, NULL));
  assert_int_equal(asked.count, 0);
  give(other, "two", 3600 * S);
  assert_string_equal(asked.value, "Bearer two");
}

static void release__with_waiters__nobody_told(void **state) {
  struct world *world = *state;
  struct asked asked;

  ask(world, &asked);
  vtx_token_cache_release(&world->cache);
  assert_int_equal(asked.count, 0);
  assert_true(world->freed[0]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(get__a_thousand_without_token__one_fetch),
      CASE(refresh__fresh_token__225_s_before_end_less_30),
      CASE(refresh__random_part__differs),
      CASE(refresh__fails__old_token_until_its_end),
      CASE(backoff__failures__double_to_a_minute),
      CASE(get__failed_and_backing_off__told_at_once),
      CASE(get__refused_for_good__not_to_be_tried_again),
      CASE(refused__by_many__one_forced_fetch),
      CASE(refused__no_other_to_be_had__old_one_again),
      CASE(lifetime__not_said__kept_until_refused),
      CASE(lifetime__short__renewed_at_half),
      CASE(lifetime__slow_answer__counts_from_the_question),
      CASE(forget__while_waiting__not_told),
      CASE(set_source__another__token_stays_until_it_gives),
      CASE(set_source__gives_nothing__project_of_the_token),
      CASE(set_source__while_fetching__waiters_get_the_new),
      CASE(release__with_waiters__nobody_told),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
