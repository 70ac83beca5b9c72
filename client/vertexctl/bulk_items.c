/* The items of a run: where they come from, and what becomes of them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "client/vertexctl/bulk_internal.h"
#include "client/vertexctl/output.h"

void ctl_bulk_say(struct ctl_bulk *bulk, const char *format, ...) {
  va_list arguments;

  ctl_progress_hide(&bulk->progress);
  fputs("vertexctl: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

void ctl_bulk_stop(struct ctl_bulk *bulk, enum ctl_exit result) {
  bulk->stopping = true;
  if (bulk->result == CTL_ALL_WELL) bulk->result = result;
}

static void bad_input(struct ctl_bulk *bulk,
                      const struct ctl_problem *problem) {
  ctl_bulk_say(bulk, "%s: %s", bulk->options->files.input, problem->text);
  ctl_bulk_stop(bulk, CTL_USAGE);
}

/* Notes that the input has this item; false if it has its id twice. */
static bool see(struct ctl_bulk *bulk, const struct ctl_item *item) {
  struct ctl_problem problem;
  uint64_t first;

  if (item->line > CTL_IDS_MAX_LINE)
    CTL_PROBLEM(&problem, "more than %" PRIu64 " lines", CTL_IDS_MAX_LINE);
  else if (!ctl_ids_see(&bulk->ids, item->id, item->line, &first))
    CTL_PROBLEM(&problem, "out of memory");
  else if (first > 0)
    CTL_PROBLEM(&problem,
                "lines %" PRIu64 " and %" PRIu64 ": both have the id %.200s",
                first, item->line, item->id);
  else
    return true;
  bad_input(bulk, &problem);
  return false;
}

bool ctl_bulk_check(struct ctl_bulk *bulk) {
  struct ctl_problem problem;
  struct ctl_item *item;
  enum ctl_read read;
  bool good = true;

  if (!ctl_source_is_file(bulk->source)) return true;
  while (good && (read = ctl_source_next(bulk->source, &item, &problem)) ==
                     CTL_READ_ITEM) {
    good = see(bulk, item);
    bulk->progress.total++;
    if (ctl_ids_state(&bulk->ids, item->id) != CTL_ID_OPEN)
      bulk->progress.skipped++;
    ctl_item_free(item);
  }
  if (!good) return false;
  bulk->checked = true;
  if (read == CTL_READ_END && ctl_source_rewind(bulk->source, &problem))
    return true;
  bad_input(bulk, &problem);
  return false;
}

/* The next item of the source, whether it has a result or not. */
static struct ctl_item *read_item(struct ctl_bulk *bulk) {
  struct ctl_problem problem;
  struct ctl_item *item;

  switch (ctl_source_next(bulk->source, &item, &problem)) {
    case CTL_READ_ITEM:
      if (bulk->checked || see(bulk, item)) return item;
      ctl_item_free(item);
      return NULL;
    case CTL_READ_END:
      bulk->input_over = true;
      return NULL;
    case CTL_READ_BAD:
    default:
      bad_input(bulk, &problem);
      return NULL;
  }
}

struct ctl_item *ctl_bulk_next(struct ctl_bulk *bulk) {
  struct cb_link *link = cb_list_take(&bulk->again);

  if (link) return CB_CONTAINER(link, struct ctl_item, link);
  while (!bulk->input_over && !bulk->stopping &&
         ctl_source_is_ready(bulk->source)) {
    struct ctl_item *item = read_item(bulk);

    if (!item || ctl_ids_state(&bulk->ids, item->id) == CTL_ID_OPEN)
      return item;
    if (!bulk->checked) bulk->progress.skipped++;
    ctl_item_free(item);
  }
  return NULL;
}

void ctl_bulk_give_back(struct ctl_bulk *bulk, struct ctl_item *item) {
  cb_list_append(bulk->again.next, &item->link); /* before the first */
}

bool ctl_bulk_has_more(struct ctl_bulk *bulk) {
  struct ctl_item *item = ctl_bulk_next(bulk);

  if (item) ctl_bulk_give_back(bulk, item);
  return item != NULL;
}

/* A result that says only that the server was told to stop before it had
 * looked at the item. */
static bool was_not_run(const vertexd_ItemResult *result) {
  if (result->outcome_case != vertexd_ItemResult_OUTCOME_ERROR ||
      result->attempts > 0)
    return false;
  switch (result->error->code) {
    case vertexd_Error_ABORTED:
    case vertexd_Error_CANCELLED:
    case vertexd_Error_DEADLINE_EXCEEDED:
      return true;
    default:
      return false;
  }
}

static void count(struct ctl_bulk *bulk, const vertexd_ItemResult *result) {
  if (result->outcome_case != vertexd_ItemResult_OUTCOME_RESPONSE) {
    bulk->progress.failed++;
    return;
  }
  bulk->progress.answered++;
  if (result->response->token_count)
    bulk->progress.tokens += result->response->token_count->total_tokens;
}

bool ctl_bulk_take_result(struct ctl_bulk *bulk, struct ctl_item *item,
                          const vertexd_ItemResult *result) {
  struct ctl_problem problem = {.text = "a result is too large to be written"};
  bool run = !was_not_run(result);

  if (!run) {
    bulk->left_over = true;
  } else if (!ctl_result_line(&bulk->line, item->id, result) ||
             !ctl_results_write(&bulk->results, bulk->line.data, bulk->line.len,
                                &problem)) {
    ctl_bulk_say(bulk, "%s", problem.text);
    ctl_bulk_stop(bulk, CTL_FILE_FAILED);
    bulk->left_over = true;
    bulk->at_once = true;
  } else {
    count(bulk, result);
  }
  ctl_item_free(item);
  return run;
}
