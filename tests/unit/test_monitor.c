/* Scrapes of a server that runs, by clients on threads of their own: the test's
 * thread turns the loop, or does not. */
#include "service/monitor.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "crpc/loop.h"
#include "support/http_client.h"
#include "support/service_expect.h"
#include "tests/unit/cmocka_all.h"

#define TARGET "{target=\"global/publishers/google/models/emulated-model\""
#define SCRAPERS 6
#define ROUNDS 20

/* Who asks for the page, so many times one after the other. */
struct scraper {
  pthread_t thread;
  uint16_t port;
  int rounds;
  bool heard;           /* an end of each answer */
  struct cb_buf answer; /* the last one */
  atomic_bool over;
};

static struct vtx_monitor *monitor;

static struct vtx_monitor *new_monitor(const char *address, int64_t patience,
                                       struct cb_status *ret_status) {
  const struct vtx_monitor_options options = {
      .address = address,
      .version = "1.2.3",
      .loop = world->loop,
      .server = world->server,
      .service = world->service,
      .engine = world->upstream.engine,
      .budget = &world->budget,
      .patience = patience,
  };

  return vtx_monitor_new(&options, ret_status);
}

static void use_monitor(int64_t patience) {
  struct cb_status status;

  monitor = new_monitor("127.0.0.1:0", patience, &status);
  assert_non_null(monitor);
}

/* As the server does it: the monitor outlives what it asks. */
static int tear_down(void **state) {
  int result;

  vtx_monitor_stop(monitor);
  result = expect_tear_down(state);
  vtx_monitor_free(monitor);
  monitor = NULL;
  return result;
}

static uint16_t port(void) {
  const char *url = vtx_monitor_url(monitor);

  return (uint16_t)strtol(strrchr(url, ':') + 1, NULL, 10);
}

static void *scrape(void *arg) {
  struct scraper *scraper = arg;

  for (int i = 0; i < scraper->rounds; i++)
    scraper->heard =
        http_get(scraper->port, VTX_METRICS_PATH, &scraper->answer) &&
        scraper->heard;
  atomic_store(&scraper->over, true);
  return NULL;
}

static void begin(struct scraper *scraper, int rounds) {
  *scraper = (struct scraper){.port = port(), .rounds = rounds, .heard = true};
  cb_buf_init(&scraper->answer, SIZE_MAX, NULL);
  assert_int_equal(pthread_create(&scraper->thread, NULL, scrape, scraper), 0);
}

/* What the last answer was; the scraper's until it is dropped. */
static const char *end(struct scraper *scraper) {
  pthread_join(scraper->thread, NULL);
  assert_true(scraper->heard);
  return scraper->answer.data ? scraper->answer.data : "";
}

static void drop(struct scraper *scraper) { cb_buf_release(&scraper->answer); }

static bool is_over(void *ctx) {
  return atomic_load(&((struct scraper *)ctx)->over);
}

/* Turns the loop until the scraper is through. */
static const char *turn_until_end(struct scraper *scraper) {
  assert_true(world_until(world, is_over, scraper));
  return end(scraper);
}

static void has(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static void scrape__after_calls__their_figures(void **state) {
  char *prompts[] = {"one", "two", "[[emulator fault=http_503]] three"};
  vertexd_BatchGenerateRequest request = batch_of(prompts, 3);
  struct scraper scraper;
  const char *page;

  (void)state;
  use_monitor(0);
  world_batch(seen, &request, 0);
  seen_wait(seen);
  begin(&scraper, 1);
  page = turn_until_end(&scraper);
  has(page, "HTTP/1.1 200 OK\r\n");
  has(page, "\nvertexd_build_info{version=\"1.2.3\"} 1\n");
  has(page, "\nvertexd_calls_total 1\n");
  has(page, "\nvertexd_jobs_total 3\n");
  has(page, "\nvertexd_transfers_total 3\n");
  has(page, "\nvertexd_target_calls_started_total" TARGET "} 3\n");
  has(page,
      "\nvertexd_target_calls_ended_total" TARGET ",outcome=\"served\"} 2\n");
  has(page, "\nvertexd_target_calls_ended_total" TARGET
            ",outcome=\"overloaded\"} 1\n");
  has(page, "\nvertexd_targets_left_out 0\n");
  drop(&scraper);
}

static void scrapes__many_beside_a_batch__all_whole(void **state) {
  char *prompts[500];
  vertexd_BatchGenerateRequest request;
  struct scraper scrapers[SCRAPERS];

  (void)state;
  for (size_t i = 0; i < 500; i++)
    prompts[i] = i % 5 ? "a" : "[[emulator fault=http_503]] b";
  request = batch_of(prompts, 500);
  use_monitor(0);
  world_batch(seen, &request, 0);
  for (int i = 0; i < SCRAPERS; i++)
    begin(&scrapers[i], ROUNDS);
  for (int i = 0; i < SCRAPERS; i++) {
    const char *page = turn_until_end(&scrapers[i]);

    has(page, "HTTP/1.1 200 OK\r\n");
    has(page, "\nvertexd_calls_total 1\n");
    has(page, "\nvertexd_targets_left_out 0\n");
    drop(&scrapers[i]);
  }
  seen_wait(seen);
  expect_complete(500);
}

static void scrape__loop_does_not_turn__503_and_well_afterwards(void **state) {
  struct scraper scraper;

  (void)state;
  use_monitor(100 * MS);
  begin(&scraper, 2);
  has(end(&scraper), "HTTP/1.1 503 ");
  drop(&scraper);
  /* What was asked then is still under way. The first ones may be too late
   * again on a slow machine. */
  begin(&scraper, 10);
  has(turn_until_end(&scraper), "HTTP/1.1 200 OK\r\n");
  drop(&scraper);
}

/* The rest of the test is the fixture's end: what was asked comes to loops that
 * are being taken down. */
static void stop__scrapes_wait__broken_off(void **state) {
  struct scraper scrapers[SCRAPERS];

  (void)state;
  use_monitor(CB_NEVER);
  for (int i = 0; i < SCRAPERS; i++)
    begin(&scrapers[i], 1);
  poll(NULL, 0, 200); /* by then one of them has asked */
  vtx_monitor_stop(monitor);
  for (int i = 0; i < SCRAPERS; i++) {
    end(&scrapers[i]);
    drop(&scrapers[i]);
  }
}

static void new__address_in_use__says_so(void **state) {
  struct cb_status status = cb_status_ok();
  const char *url;
  char address[64] = "";

  (void)state;
  use_monitor(0);
  url = vtx_monitor_url(monitor) + strlen("http://");
  memcpy(address, url, strcspn(url, "/"));
  assert_null(new_monitor(address, 0, &status));
  assert_int_equal(status.code, CB_UNAVAILABLE);
  has(status.message, "in use");
}

#define MONITOR_CASE(name) \
  cmocka_unit_test_setup_teardown(name, expect_set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      MONITOR_CASE(scrape__after_calls__their_figures),
      MONITOR_CASE(scrapes__many_beside_a_batch__all_whole),
      MONITOR_CASE(scrape__loop_does_not_turn__503_and_well_afterwards),
      MONITOR_CASE(stop__scrapes_wait__broken_off),
      MONITOR_CASE(new__address_in_use__says_so),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
