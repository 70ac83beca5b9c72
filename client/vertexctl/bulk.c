#include "client/vertexctl/bulk.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/vertexctl/bulk_internal.h"
#include "client/vertexctl/targets.h"

#define DEFAULT_CONCURRENCY 5
#define MAX_LINE ((size_t)256 << 20)
#define OTHERS_WAIT (CB_SECOND / 5)
#define WARM_UP (5 * CB_SECOND)
#define TURN (CB_SECOND / 10) /* a signal is heard after at most that */

/* Signals are read, not caught: nothing is interrupted by them. Before any
 * thread is started, so that all have them blocked; and not before there is
 * something to finish: until then they end the program as ever. */
static int open_signals(void) {
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void take_signals(struct ctl_bulk *bulk) {
  struct signalfd_siginfo heard;

  while (read(bulk->signals, &heard, sizeof heard) == sizeof heard) {
    if (bulk->interrupted) {
      bulk->at_once = true;
      continue;
    }
    bulk->interrupted = true;
    ctl_bulk_stop(bulk, CTL_ALL_WELL);
    ctl_bulk_say(bulk,
                 "stopping: %" PRIu64
                 " items in flight are finished; again to end at once",
                 bulk->progress.in_flight);
  }
}

static bool open_lanes(struct ctl_bulk *bulk) {
  const struct ctl_options *options = bulk->options;
  int32_t total = options->max_concurrency > 0 ? options->max_concurrency
                                               : DEFAULT_CONCURRENCY;
  int32_t count = options->files.calls > 0 ? options->files.calls
                                           : (int32_t)options->target_count;

  if (options->command == CTL_MAP && count < 2 && options->files.calls == 0)
    count = 2;
  if (count > total) count = total;
  bulk->lanes = calloc((size_t)count, sizeof *bulk->lanes);
  if (!bulk->lanes) return false;
  for (int32_t i = 0; i < count; i++) {
    bulk->lanes[i].bulk = bulk;
    bulk->lanes[i].max_concurrency = total / count + (i < total % count);
    ctl_window_init(&bulk->lanes[i].window);
    if (count > 1) bulk->lanes[i].reopen_at = CB_NEVER; /* until warm() */
  }
  bulk->lane_count = (size_t)count;
  return true;
}

/* The first server is connected; the others will be in a moment. */
static void warm(void *ctx, bool serving, const struct cb_status *status) {
  struct ctl_bulk *bulk = ctx;

  (void)serving; /* the calls will say what is wrong */
  (void)status;
  for (size_t i = 0; i < bulk->lane_count; i++)
    bulk->lanes[i].reopen_at = cb_now(NULL) + OTHERS_WAIT;
}

/* Calls that are started before there are connections go where they will; of
 * those that are started behind each other when all servers are there each
 * gets one. So a small call makes the connections first. */
static bool warm_up(struct ctl_bulk *bulk) {
  const struct vertexd_call_options call = {.timeout = WARM_UP,
                                            .wait_for_ready = true};

  return bulk->lane_count < 2 ||
         vertexd_health(bulk->client, "", &call, warm, bulk).generation != 0;
}

static bool open_client(struct ctl_bulk *bulk) {
  const struct vertexd_client_options options = {
      .service_config = CTL_ROUND_ROBIN, .keepalive = bulk->options->keepalive};

  bulk->signals = open_signals();
  bulk->client = vertexd_client_new(bulk->options->target, &options);
  if (bulk->client && open_lanes(bulk) && warm_up(bulk)) return true;
  ctl_bulk_say(bulk, "out of memory");
  bulk->result = CTL_CALL_FAILED;
  return false;
}

static bool open_results(struct ctl_bulk *bulk) {
  const struct ctl_file_options *files = &bulk->options->files;
  struct ctl_problem problem;

  bulk->results.fd = -1;
  if (!ctl_results_open(&bulk->results, files->output, files->resume,
                        &problem)) {
    ctl_bulk_say(bulk, "%s", problem.text);
    bulk->result = CTL_FILE_FAILED;
    return false;
  }
  bulk->results.sync = files->fsync;
  if (!files->resume) return true;
  if (!ctl_results_read(&bulk->results, &bulk->ids, files->retry_failed,
                        &bulk->earlier, &problem)) {
    ctl_bulk_say(bulk, "%s", problem.text);
    bulk->result = CTL_FILE_FAILED;
    return false;
  }
  if (bulk->earlier.torn > 0)
    ctl_bulk_say(bulk, "%s: a torn last line of %" PRIu64 " bytes was cut off",
                 files->output, bulk->earlier.torn);
  return true;
}

static bool open_source(struct ctl_bulk *bulk) {
  const struct ctl_options *options = bulk->options;
  const struct ctl_plan plan = {.path = options->files.input,
                                .format = options->files.format,
                                .as_values = options->command == CTL_MAP};
  struct ctl_problem problem;

  bulk->source = ctl_source_open(&plan, &problem);
  if (bulk->source) return true;
  ctl_bulk_say(bulk, "%s: %s", plan.path, problem.text);
  bulk->result = CTL_USAGE;
  return false;
}

static enum ctl_progress_kind progress_kind(
    const struct ctl_file_options *files) {
  if (files->quiet) return CTL_PROGRESS_NONE;
  if (isatty(STDERR_FILENO)) return CTL_PROGRESS_BAR;
  return files->progress ? CTL_PROGRESS_LINES : CTL_PROGRESS_NONE;
}

/* Is there nothing more to wait for? */
static bool is_over(const struct ctl_bulk *bulk) {
  for (size_t i = 0; i < bulk->lane_count; i++)
    if (bulk->lanes[i].open) return false;
  return bulk->stopping || (bulk->input_over && cb_list_empty(&bulk->again));
}

static int64_t wake_at(const struct ctl_bulk *bulk, int64_t now) {
  int64_t wake = now + TURN;

  for (size_t i = 0; i < bulk->lane_count; i++) {
    const struct ctl_lane *lane = &bulk->lanes[i];

    if (!lane->open && lane->reopen_at > now && lane->reopen_at < wake)
      wake = lane->reopen_at;
  }
  return wake;
}

static void run(struct ctl_bulk *bulk) {
  int64_t heard_at = 0;

  for (;;) {
    int64_t now = cb_now(NULL);

    if (now - heard_at >= TURN / 4) {
      take_signals(bulk);
      heard_at = now;
    }
    if (now >= bulk->deadline) ctl_bulk_stop(bulk, CTL_UNFINISHED);
    for (size_t i = 0; i < bulk->lane_count; i++)
      ctl_lane_work(&bulk->lanes[i], now);
    ctl_lane_renew(bulk, now);
    if (bulk->at_once || is_over(bulk)) return;
    ctl_progress_show(&bulk->progress, now);
    vertexd_client_step(bulk->client, wake_at(bulk, now) - now);
  }
}

/* Did the run leave items without a result? */
static bool is_unfinished(const struct ctl_bulk *bulk) {
  return !bulk->input_over || bulk->left_over || !cb_list_empty(&bulk->again) ||
         bulk->progress.in_flight > 0;
}

static enum ctl_exit conclude(const struct ctl_bulk *bulk) {
  if (bulk->result != CTL_ALL_WELL && bulk->result != CTL_UNFINISHED)
    return bulk->result;
  if (is_unfinished(bulk))
    return bulk->interrupted ? CTL_INTERRUPTED : CTL_UNFINISHED;
  return bulk->progress.failed + bulk->earlier.failed > 0 ? CTL_ITEM_FAILED
                                                          : CTL_ALL_WELL;
}

static void report(struct ctl_bulk *bulk, enum ctl_exit result) {
  const struct ctl_file_options *files = &bulk->options->files;
  const struct ctl_progress *progress = &bulk->progress;

  if (files->quiet && result == CTL_ALL_WELL) return;
  ctl_bulk_say(bulk,
               "%" PRIu64 " answered, %" PRIu64 " failed, %" PRId64
               " tokens; %" PRIu64 " were there before",
               progress->answered, progress->failed, progress->tokens,
               progress->skipped);
  if (result == CTL_ITEM_FAILED && files->output)
    ctl_bulk_say(bulk,
                 "to try the failures again: the same command with "
                 "--resume --retry-failed");
  if (!is_unfinished(bulk) || result == CTL_USAGE || bulk->too_large) return;
  if (files->output)
    ctl_bulk_say(bulk, "to go on: the same command with --resume");
  else
    ctl_bulk_say(bulk,
                 "items are left; with --output-file a run can be "
                 "resumed");
}

static void close_all(struct ctl_bulk *bulk) {
  struct cb_link *link;

  bulk->at_once = true; /* calls that still live are cancelled, unanswered */
  vertexd_client_free(bulk->client);
  while ((link = cb_list_take(&bulk->again)))
    ctl_item_free(CB_CONTAINER(link, struct ctl_item, link));
  free(bulk->lanes);
  ctl_source_close(bulk->source);
  ctl_results_close(&bulk->results);
  ctl_ids_release(&bulk->ids);
  cb_buf_release(&bulk->line);
  if (bulk->signals >= 0) close(bulk->signals);
}

enum ctl_exit ctl_bulk_run(const struct ctl_options *options,
                           const vertexd_GenerateRequest *defaults) {
  struct ctl_bulk bulk = {.options = options, .defaults = defaults};
  enum ctl_exit result;

  bulk.deadline = options->timeout > 0
                      ? cb_time_add(cb_now(NULL), options->timeout)
                      : CB_NEVER;
  bulk.progress.kind = progress_kind(&options->files);
  bulk.signals = -1;
  ctl_ids_init(&bulk.ids);
  cb_list_init(&bulk.again);
  cb_buf_init(&bulk.line, MAX_LINE, NULL);
  if (open_source(&bulk) && open_results(&bulk) && ctl_bulk_check(&bulk) &&
      open_client(&bulk)) {
    run(&bulk);
    result = conclude(&bulk);
    report(&bulk, result);
  } else {
    result = bulk.result;
  }
  close_all(&bulk);
  return result;
}
