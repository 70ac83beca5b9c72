#include "service/vertex/watch.h"

#include "base/clock.h"
#include "cmocka_all.h"

#define LONG_MS 20000

struct world {
  CURLM *multi;
  struct vtx_watch watch;
};

static int set_up(void **state) {
  static struct world world;

  curl_global_init(CURL_GLOBAL_DEFAULT);
  world.multi = curl_multi_init();
  assert_non_null(world.multi);
  assert_true(vtx_watch_init(&world.watch, world.multi));
  *state = &world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;

  vtx_watch_release(&world->watch);
  curl_multi_cleanup(world->multi);
  curl_global_cleanup();
  return 0;
}

static bool wait_is_short(struct vtx_watch *watch) {
  int64_t begun = cb_now(NULL);

  vtx_watch_wait(watch, LONG_MS);
  return cb_now(NULL) - begun < LONG_MS / 2 * CB_MILLISECOND;
}

static void wait__nothing_happens__ends_at_the_cap(void **state) {
  struct world *world = *state;
  int64_t begun = cb_now(NULL);

  vtx_watch_wait(&world->watch, 30);
  assert_true(cb_now(NULL) - begun >= 30 * CB_MILLISECOND);
}

static void wait__woken_before__returns_once(void **state) {
  struct world *world = *state;
  int64_t begun;

  vtx_watch_wake(&world->watch);
  vtx_watch_wake(&world->watch);
  assert_true(wait_is_short(&world->watch));
  begun = cb_now(NULL);
  vtx_watch_wait(&world->watch, 30);
  assert_true(cb_now(NULL) - begun >= 30 * CB_MILLISECOND);
}

/* Mail is looked for between wait and act: what comes after that look must end
 * the next wait. */
static void act__woken_since_the_wait__next_wait_returns(void **state) {
  struct world *world = *state;

  vtx_watch_wake(&world->watch);
  assert_true(wait_is_short(&world->watch));
  vtx_watch_wake(&world->watch);
  vtx_watch_act(&world->watch);
  vtx_watch_act_all(&world->watch);
  assert_true(wait_is_short(&world->watch));
}

static void wait__transfer_added__due_at_once(void **state) {
  struct world *world = *state;
  CURL *easy = curl_easy_init();
  CURLMsg *message;
  int left;

  curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:1/");
  curl_multi_add_handle(world->multi, easy);
  while (!(message = curl_multi_info_read(world->multi, &left))) {
    assert_true(wait_is_short(&world->watch));
    vtx_watch_act(&world->watch);
  }
  assert_int_equal(message->data.result, CURLE_COULDNT_CONNECT);
  curl_multi_remove_handle(world->multi, easy);
  curl_easy_cleanup(easy);
}

static void release__zeroed__fine(void **state) {
  struct vtx_watch watch = {.multi = NULL};

  (void)state;
  vtx_watch_release(&watch);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(wait__nothing_happens__ends_at_the_cap),
      CASE(wait__woken_before__returns_once),
      CASE(act__woken_since_the_wait__next_wait_returns),
      CASE(wait__transfer_added__due_at_once),
      CASE(release__zeroed__fine),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
