#include "crpc/loop.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crpc/core_log.h"
#include "crpc/loop_internal.h"

/* The queue is the only place where the loop's thread sleeps. Another thread
 * wakes it with an empty batch on a call of a lame channel, whose completion
 * delivers the mail. Mail is taken at that completion and nowhere else, so a
 * box that is not empty always has exactly one wake under way, and a hundred
 * posts in between cost none more. */

/* ThreadSanitizer does not see the core's own synchronisation: without these
 * two, all that a completion's memory went through looks like a race. */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define TAG_RELEASE(tag) __tsan_release(tag)
#define TAG_ACQUIRE(tag) __tsan_acquire(tag)
#else
#define TAG_RELEASE(tag) ((void)(tag))
#define TAG_ACQUIRE(tag) ((void)(tag))
#endif

static void on_wake(struct crpc_tag *tag, bool ok) {
  struct crpc_loop *loop = CB_CONTAINER(tag, struct crpc_loop, wake);

  (void)ok;
  atomic_fetch_sub(&loop->wakes, 1);
  cb_mailbox_deliver(&loop->box);
}

static void on_stop(struct cb_mail *mail) {
  CB_CONTAINER(mail, struct crpc_loop, stop_mail)->stopped = true;
}

static bool open_queue(struct crpc_loop *loop) {
  grpc_slice path = grpc_slice_from_static_string("/wake");

  loop->queue = grpc_completion_queue_create_for_next(NULL);
  loop->lame = grpc_lame_client_channel_create("wake", GRPC_STATUS_UNAVAILABLE,
                                               "not a channel");
  if (!loop->queue || !loop->lame) return false;
  loop->wake_call =
      grpc_channel_create_call(loop->lame, NULL, 0, loop->queue, path, NULL,
                               gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
  return loop->wake_call != NULL;
}

static void close_queue(struct crpc_loop *loop) {
  if (loop->wake_call) grpc_call_unref(loop->wake_call);
  if (loop->lame) grpc_channel_destroy(loop->lame);
  if (!loop->queue) return;
  grpc_completion_queue_shutdown(loop->queue);
  while (grpc_completion_queue_next(loop->queue,
                                    gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
             .type != GRPC_QUEUE_SHUTDOWN) {
  }
  grpc_completion_queue_destroy(loop->queue);
}

struct crpc_loop *crpc_loop_new(void) {
  struct crpc_loop *loop = calloc(1, sizeof *loop);

  if (!loop) return NULL;
  crpc_core_log_init();
  grpc_init();
  loop->wake.run = on_wake;
  loop->stop_mail.deliver = on_stop;
  cb_mailbox_init(&loop->box);
  cb_timers_init(&loop->timers);
  cb_slots_init(&loop->calls);
  if (open_queue(loop)) return loop;
  crpc_loop_free(loop);
  return NULL;
}

static gpr_timespec wait_limit(struct crpc_loop *loop, int64_t until) {
  int64_t next = cb_timers_next(&loop->timers);

  return crpc_time_to_core(next < until ? next : until);
}

static void run_timers(struct crpc_loop *loop) {
  int64_t now;

  if (cb_timers_next(&loop->timers) == CB_NEVER) return;
  now = cb_now(NULL);
  if (cb_timers_next(&loop->timers) <= now) cb_timers_run(&loop->timers, now);
}

static void turn(struct crpc_loop *loop, int64_t until) {
  grpc_event event =
      grpc_completion_queue_next(loop->queue, wait_limit(loop, until), NULL);

  assert(event.type != GRPC_QUEUE_SHUTDOWN);
  if (event.type == GRPC_OP_COMPLETE) {
    struct crpc_tag *tag = event.tag;

    TAG_ACQUIRE(tag);
    if (tag != &loop->wake) {
      assert(loop->outstanding > 0);
      loop->outstanding--;
    }
    tag->run(tag, event.success != 0);
  }
  run_timers(loop);
}

/* Turns the loop until nothing is in the core's hands and nobody is posting. */
static void run_dry(struct crpc_loop *loop) {
  for (;;) {
    while (atomic_load(&loop->posters) > 0) {
      sched_yield();
    }
    if (loop->outstanding == 0 && atomic_load(&loop->wakes) == 0) return;
    turn(loop, CB_NEVER);
  }
}

void crpc_loop_free(struct crpc_loop *loop) {
  if (!loop) return;
  run_dry(loop);
  assert(loop->live_calls == 0);
  close_queue(loop);
  cb_slots_release(&loop->calls);
  cb_timers_release(&loop->timers);
  cb_mailbox_release(&loop->box);
  free(loop);
  grpc_shutdown_blocking();
}

void crpc_loop_run(struct crpc_loop *loop) {
  while (!loop->stopped)
    turn(loop, CB_NEVER);
}

bool crpc_loop_step(struct crpc_loop *loop, int64_t until) {
  if (!loop->stopped) turn(loop, until);
  return !loop->stopped;
}

void crpc_loop_stop(struct crpc_loop *loop) {
  if (atomic_exchange(&loop->stopping, true)) return;
  crpc_loop_post(loop, &loop->stop_mail);
}

static void wake(struct crpc_loop *loop) {
  grpc_call_error error;

  atomic_fetch_add(&loop->wakes, 1);
  TAG_RELEASE(&loop->wake);
  error = grpc_call_start_batch(loop->wake_call, NULL, 0, &loop->wake, NULL);
  assert(error == GRPC_CALL_OK); /* an empty batch is never refused */
  (void)error;
}

/* The mail may be what ends the loop, while its poster is still in here: free
 * waits for the last poster to be out. */
void crpc_loop_post(struct crpc_loop *loop, struct cb_mail *mail) {
  atomic_fetch_add(&loop->posters, 1);
  if (cb_mailbox_put(&loop->box, mail)) wake(loop);
  atomic_fetch_sub(&loop->posters, 1);
}

bool crpc_loop_set_timer(struct crpc_loop *loop, struct cb_timer *timer,
                         int64_t when) {
  return cb_timers_set(&loop->timers, timer, when);
}

void crpc_loop_cancel_timer(struct crpc_loop *loop, struct cb_timer *timer) {
  cb_timers_cancel(&loop->timers, timer);
}

size_t crpc_loop_live_calls(const struct crpc_loop *loop) {
  return loop->live_calls;
}

bool crpc_loop_start_batch(struct crpc_loop *loop, grpc_call *call,
                           const grpc_op *ops, size_t count,
                           struct crpc_tag *tag) {
  crpc_loop_tag_given(loop, tag);
  if (grpc_call_start_batch(call, ops, count, tag, NULL) == GRPC_CALL_OK) {
    return true;
  }
  crpc_loop_tag_refused(loop);
  return false;
}

void crpc_loop_tag_given(struct crpc_loop *loop, struct crpc_tag *tag) {
  TAG_RELEASE(tag);
  loop->outstanding++;
}

void crpc_loop_tag_refused(struct crpc_loop *loop) {
  assert(loop->outstanding > 0);
  loop->outstanding--;
}

void crpc_loop_call_born(struct crpc_loop *loop) { loop->live_calls++; }

void crpc_loop_call_gone(struct crpc_loop *loop) {
  assert(loop->live_calls > 0);
  loop->live_calls--;
}

/* The core's monotonic clock is CLOCK_MONOTONIC, as ours. */
gpr_timespec crpc_time_to_core(int64_t time) {
  if (time == CB_NEVER) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return (gpr_timespec){.tv_sec = time / CB_SECOND,
                        .tv_nsec = (int32_t)(time % CB_SECOND),
                        .clock_type = GPR_CLOCK_MONOTONIC};
}

int64_t crpc_time_from_core(gpr_timespec time) {
  gpr_timespec mono = gpr_convert_clock_type(time, GPR_CLOCK_MONOTONIC);

  if (mono.tv_sec >= CB_NEVER / CB_SECOND) return CB_NEVER;
  if (mono.tv_sec < 0) return 0;
  return mono.tv_sec * CB_SECOND + mono.tv_nsec;
}
