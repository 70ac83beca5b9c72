#include "service/scheduler/report.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "service/log.h"
#include "service/scheduler/scheduler.h"
#include "service/target_log.h"
#include "tests/unit/cmocka_all.h"

/* A scheduler on a clock of its own, an entry that wants one target after the
 * other, and who is told about them. */
struct world {
  struct vtx_scheduler scheduler;
  struct vtx_sched_entry entry;
  struct vtx_sched_target *last; /* that was started */
  const char *name;              /* of the next prompt's target */
  int64_t now;
  char told[4096];
};

static int64_t clock_now(void *self) { return ((struct world *)self)->now; }

static void changed(void *self, enum vtx_target_event event,
                    const struct vtx_target_report *report) {
  static const char *const names[] = {"fails", "recovered", "throttled"};
  struct world *world = self;
  size_t size = strlen(world->told);

  snprintf(world->told + size, sizeof world->told - size, "%s %s;",
           report->target, names[event]);
}

static void take(void *self, const struct vtx_target_report *report) {
  struct world *world = self;
  size_t size = strlen(world->told);

  snprintf(world->told + size, sizeof world->told - size, "%s %d/%d;",
           report->target, (int)report->in_flight, (int)report->counts.started);
}

static enum vtx_dispatch dispatch(struct vtx_sched_entry *entry) {
  struct world *world = CB_CONTAINER(entry, struct world, entry);

  world->last = vtx_scheduler_target(entry);
  vtx_scheduler_hold(&world->scheduler, entry, true);
  return VTX_DISPATCHED;
}

static void peek(struct vtx_sched_entry *entry,
                 struct vtx_sched_head *ret_head) {
  struct world *world = CB_CONTAINER(entry, struct world, entry);

  ret_head->target = world->name;
  ret_head->cost = 1;
}

static struct cb_clock world_clock;

static int set_up(void **state) {
  static struct world world;
  struct vtx_sched_options options = {
      .clock = &world_clock,
      .max_in_flight = 1000000,
      .watch = {changed, &world},
  };

  world = (struct world){
      .entry = {.sched_class = VTX_BATCH,
                .weight = 1,
                .limit = 1000000,
                .held = true,
                .dispatch = dispatch,
                .peek = peek},
      .name = "us/m",
      .now = 1000 * CB_SECOND,
  };
  world_clock = (struct cb_clock){clock_now, &world};
  *state = &world;
  if (!vtx_scheduler_init(&world.scheduler, &options)) return -1;
  vtx_scheduler_add(&world.scheduler, &world.entry);
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;

  vtx_scheduler_remove(&world->scheduler, &world->entry);
  vtx_scheduler_release(&world->scheduler);
  return 0;
}

/* Starts one call of the target of that name. */
static struct vtx_sched_target *begin(struct world *world, const char *name) {
  world->name = name;
  world->last = NULL;
  for (int i = 0; i < 1000 && !world->last; i++) {
    world->now += 100 * CB_MILLISECOND; /* whatever its gate says */
    vtx_scheduler_hold(&world->scheduler, &world->entry, false);
    vtx_scheduler_run(&world->scheduler, CB_SECOND);
  }
  assert_non_null(world->last);
  return world->last;
}

static void end(struct world *world, struct vtx_sched_target *target,
                enum vtx_gate_outcome outcome) {
  const struct vtx_gate_end how = {
      .outcome = outcome, .took = 1, .retry_after = -1, .used = -1};

  vtx_scheduler_finished(&world->scheduler, &world->entry, target, &how);
}

static void one(struct world *world, const char *name,
                enum vtx_gate_outcome outcome) {
  end(world, begin(world, name), outcome);
}

static void report_all(struct world *world, size_t most, size_t left_out) {
  world->told[0] = '\0';
  assert_int_equal(vtx_scheduler_report(&world->scheduler, most, take, world),
                   left_out);
}

struct copy {
  struct vtx_target_report report;
};

static void keep(void *self, const struct vtx_target_report *report) {
  ((struct copy *)self)->report = *report;
}

static void report__nothing_started__nothing(void **state) {
  report_all(*state, VTX_REPORT_MOST, 0);
  assert_string_equal(((struct world *)*state)->told, "");
}

static void report__outcomes__counted_each(void **state) {
  struct world *world = *state;
  struct vtx_sched_target *left;
  struct copy copy;

  for (int i = 0; i < 4; i++)
    one(world, "us/m", VTX_OUTCOME_SERVED);
  one(world, "us/m", VTX_OUTCOME_OVERLOADED);
  one(world, "us/m", VTX_OUTCOME_UNREACHED);
  one(world, "us/m", VTX_OUTCOME_UNREACHED);
  one(world, "us/m", VTX_OUTCOME_NOTHING);
  one(world, "us/m", VTX_OUTCOME_SILENT);
  one(world, "us/m", VTX_OUTCOME_THROTTLED);
  left = begin(world, "us/m");
  vtx_scheduler_report(&world->scheduler, 1, keep, &copy);
  assert_int_equal(copy.report.in_flight, 1);
  assert_int_equal(copy.report.counts.started, 11);
  assert_int_equal(copy.report.counts.served, 4);
  assert_int_equal(copy.report.counts.overloaded, 1);
  assert_int_equal(copy.report.counts.unreached, 2);
  assert_int_equal(copy.report.counts.silent, 1);
  assert_int_equal(copy.report.counts.throttled, 1);
  assert_int_equal(copy.report.breaker, VTX_BREAKER_CLOSED);
  assert_true(copy.report.throttled);
  assert_true(isfinite(copy.report.rate));
  end(world, left, VTX_OUTCOME_SERVED);
}

static void report__failovers__at_the_target_that_was_left(void **state) {
  struct world *world = *state;
  struct copy copy;

  vtx_scheduler_note_failover(&world->scheduler, "us/m", 0); /* not known */
  one(world, "us/m", VTX_OUTCOME_OVERLOADED);
  vtx_scheduler_note_failover(&world->scheduler, "us/m", 1);
  vtx_scheduler_note_failover(&world->scheduler, "us/m", 1);
  vtx_scheduler_note_failover(&world->scheduler, "us/m", VTX_RETRY_REASONS - 1);
  vtx_scheduler_note_failover(&world->scheduler, "eu/m", 1);
  vtx_scheduler_report(&world->scheduler, 1, keep, &copy);
  assert_int_equal(copy.report.counts.failovers[0], 0);
  assert_int_equal(copy.report.counts.failovers[1], 2);
  assert_int_equal(copy.report.counts.failovers[VTX_RETRY_REASONS - 1], 1);
}

static void report__several__busiest_first(void **state) {
  struct world *world = *state;
  struct vtx_sched_target *left = begin(world, "us/a");

  one(world, "us/b", VTX_OUTCOME_SERVED);
  one(world, "us/b", VTX_OUTCOME_SERVED);
  one(world, "us/b", VTX_OUTCOME_SERVED);
  one(world, "us/c", VTX_OUTCOME_SERVED);
  one(world, "us/c", VTX_OUTCOME_SERVED);
  report_all(world, VTX_REPORT_MOST, 0);
  assert_string_equal(world->told, "us/b 0/3;us/c 0/2;us/a 1/1;");
  report_all(world, 2, 1);
  assert_string_equal(world->told, "us/b 0/3;us/c 0/2;");
  report_all(world, 0, 3);
  end(world, left, VTX_OUTCOME_SERVED);
}

static void report__as_many_as_fit_and_one_more__least_left_out(void **state) {
  struct world *world = *state;
  char name[VTX_REPORT_MOST + 1][16];

  for (int i = 0; i < VTX_REPORT_MOST; i++) {
    snprintf(name[i], sizeof name[i], "us/m%d", i);
    one(world, name[i], VTX_OUTCOME_SERVED);
  }
  report_all(world, VTX_REPORT_MOST, 0);
  one(world, "us/more", VTX_OUTCOME_SERVED);
  one(world, "us/more", VTX_OUTCOME_SERVED);
  report_all(world, VTX_REPORT_MOST, 1);
  assert_memory_equal(world->told, "us/more 0/2;", 12);
}

static void watch__breaker__told_when_it_opens_and_closes(void **state) {
  struct world *world = *state;
  struct copy copy;

  for (int i = 0; i < VTX_BREAKER_ROW - 1; i++)
    one(world, "us/m", VTX_OUTCOME_UNREACHED);
  assert_string_equal(world->told, "");
  one(world, "us/m", VTX_OUTCOME_UNREACHED);
  assert_string_equal(world->told, "us/m fails;");
  vtx_scheduler_report(&world->scheduler, 1, keep, &copy);
  assert_int_equal(copy.report.breaker, VTX_BREAKER_OPEN);
  assert_int_equal(copy.report.opened, 1);
  assert_true(copy.report.probe_in > 0);
  assert_true(copy.report.probe_in <= VTX_BREAKER_PROBE_FIRST);

  world->now += VTX_BREAKER_PROBE_LAST;
  one(world, "us/m", VTX_OUTCOME_UNREACHED); /* a probe: no news */
  assert_string_equal(world->told, "us/m fails;");
  world->now += VTX_BREAKER_PROBE_LAST;
  one(world, "us/m", VTX_OUTCOME_SERVED);
  assert_string_equal(world->told, "us/m fails;us/m recovered;");
}

static void watch__breaker__silence_opens_it_too(void **state) {
  struct world *world = *state;

  for (int i = 0; i < VTX_BREAKER_ROW - 1; i++)
    one(world, "us/m", VTX_OUTCOME_SILENT);
  assert_string_equal(world->told, "");
  one(world, "us/m", VTX_OUTCOME_SILENT);
  assert_string_equal(world->told, "us/m fails;");
}

static void watch__throttled__told_once_a_while(void **state) {
  struct world *world = *state;

  one(world, "us/m", VTX_OUTCOME_SERVED);
  assert_string_equal(world->told, "");
  one(world, "us/m", VTX_OUTCOME_THROTTLED);
  assert_string_equal(world->told, "us/m throttled;");
  one(world, "us/m", VTX_OUTCOME_THROTTLED);
  one(world, "us/m", VTX_OUTCOME_SERVED);
  one(world, "us/m", VTX_OUTCOME_THROTTLED);
  assert_string_equal(world->told, "us/m throttled;");
  one(world, "eu/m", VTX_OUTCOME_THROTTLED);
  assert_string_equal(world->told, "us/m throttled;eu/m throttled;");
}

/* The line that write() makes, in out. */
static void logged(void (*write_it)(struct vtx_log *log,
                                    const struct vtx_target_report *report),
                   const struct vtx_target_report *report, char out[1024]) {
  int ends[2];
  struct vtx_log *log;
  ssize_t size;

  assert_int_equal(pipe(ends), 0);
  log = vtx_log_new(ends[1]);
  assert_non_null(log);
  write_it(log, report);
  vtx_log_free(log);
  close(ends[1]);
  size = read(ends[0], out, 1023);
  assert_true(size > 0);
  out[size] = '\0';
  close(ends[0]);
}

static void write_target(struct vtx_log *log,
                         const struct vtx_target_report *report) {
  vtx_target_log(log, "target", report);
}

static void write_fails(struct vtx_log *log,
                        const struct vtx_target_report *report) {
  vtx_target_log_change(log, VTX_TARGET_FAILS, report);
}

static void has(const char *line, const char *part) {
  if (!strstr(line, part)) assert_string_equal(line, part);
}

static void log__a_target__all_its_figures(void **state) {
  struct vtx_target_report report = {
      .target = "us/publishers/google/models/m",
      .in_flight = 3,
      .counts = {.started = 100,
                 .served = 90,
                 .throttled = 5,
                 .overloaded = 1,
                 .unreached = 1,
                 .silent = 1},
      .rate = 2.5,
      .limit = 17,
  };
  char line[1024];

  (void)state;
  logged(write_target, &report, line);
  has(line, "\"event\":\"target\"");
  has(line,
      "\"target\":\"us/publishers/google/models/m\",\"in_flight\":3,"
      "\"started\":100,\"served\":90,\"throttled\":5,\"failed\":2,\"silent\":1,"
      "\"breaker\":\"closed\",\"opened\":0,\"limit\":17,"
      "\"rate_per_minute\":150}");
}

static void log__breaker_opens__warning_with_the_probe(void **state) {
  struct vtx_target_report report = {
      .target = "us/m",
      .breaker = VTX_BREAKER_OPEN,
      .opened = 4,
      .probe_in = 1500 * CB_MILLISECOND,
      .rate = INFINITY,
      .limit = SIZE_MAX,
  };
  char line[1024];

  (void)state;
  logged(write_fails, &report, line);
  has(line, "\"severity\":\"WARNING\"");
  has(line, "\"event\":\"target_fails\"");
  has(line,
      "\"breaker\":\"open\",\"opened\":4,"
      "\"limit\":9223372036854775807,\"probe_in_ms\":1500}");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  static const struct CMUnitTest tests[] = {
      CASE(report__nothing_started__nothing),
      CASE(report__outcomes__counted_each),
      CASE(report__failovers__at_the_target_that_was_left),
      CASE(report__several__busiest_first),
      CASE(report__as_many_as_fit_and_one_more__least_left_out),
      CASE(watch__breaker__told_when_it_opens_and_closes),
      CASE(watch__breaker__silence_opens_it_too),
      CASE(watch__throttled__told_once_a_while),
      cmocka_unit_test(log__a_target__all_its_figures),
      cmocka_unit_test(log__breaker_opens__warning_with_the_probe),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
