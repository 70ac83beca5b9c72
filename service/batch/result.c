#include "service/batch/result.h"

#include <string.h>

#include "base/arena.h"
#include "service/duration.h"
#include "service/reasons.h"
#include "service/vertex/reasons.h"

/* The parts of a minimal error beside the id: tag and length of the element,
 * index, tag and length of id, error and reason, code, retryable. */
#define MINIMAL_SIZE (1 + 5 + 6 + 6 + 2 + 2 + 2 + 2 + VTX_REASON_MAX)

/* Tag and length of a message within another. */
#define ELEMENT_HEAD 6

void vtx_result_free(struct vtx_result *result) {
  if (!result) return;
  cb_arena_free(result->answer_arena);
  cb_arena_free(result->input_arena);
  cb_arena_free(result->arena);
}

size_t vtx_result_size(const struct vtx_result *result) {
  size_t size = result->arena ? cb_arena_size(result->arena) : 0;

  if (result->answer_arena) size += cb_arena_size(result->answer_arena);
  return size;
}

void vtx_result_fail(struct vtx_result *result,
                     const struct cb_status *status) {
  result->status = *status;
  result->message = NULL;
  cb_arena_free(result->answer_arena);
  result->answer_arena = NULL;
}

static void fill_metadata(struct vtx_item *item,
                          const struct cb_status *status) {
  size_t count = status->metadata_count;

  if (count > CB_STATUS_PAIRS) count = CB_STATUS_PAIRS;
  for (size_t i = 0; i < count; i++) {
    vertexd__v1__error__metadata_entry__init(&item->entries[i]);
    item->entries[i].key = (char *)status->metadata[i].key;
    item->entries[i].value = (char *)status->metadata[i].value;
    item->entry_list[i] = &item->entries[i];
  }
  item->error.n_metadata = count;
  item->error.metadata = item->entry_list;
}

/* protobuf-c has no const: the texts are only read while they are packed. */
static void fill_error(struct vtx_item *item, const struct cb_status *status) {
  Vertexd__V1__Error *error = &item->error;

  vertexd__v1__error__init(error);
  error->code = (Vertexd__V1__Error__Code)status->code;
  error->reason = (char *)status->reason;
  error->message = (char *)status->message;
  error->field = (char *)status->field;
  error->finish_reason = (char *)status->finish_reason;
  error->http_status = status->http_status;
  error->retryable = status->retryable;
  if (status->retry_after >= 0) {
    item->retry_after = vtx_duration_make(status->retry_after);
    error->retry_after = &item->retry_after;
  }
  fill_metadata(item, status);
  item->result.outcome_case = VERTEXD__V1__ITEM_RESULT__OUTCOME_ERROR;
  item->result.error = error;
}

static void fill_head(struct vtx_item *item, uint32_t index, const char *id) {
  vertexd__v1__item_result__init(&item->result);
  item->result._index_case = VERTEXD__V1__ITEM_RESULT___INDEX_INDEX;
  item->result.index = (int32_t)index;
  item->result.id = (char *)id;
}

void vtx_item_fill(struct vtx_item *item, const struct vtx_result *result) {
  fill_head(item, result->index, result->id);
  item->result.attempts = result->attempts;
  item->duration = vtx_duration_make(result->duration);
  item->result.duration = &item->duration;
  if (result->status.code != CB_OK) {
    fill_error(item, &result->status);
    return;
  }
  item->result.outcome_case = VERTEXD__V1__ITEM_RESULT__OUTCOME_RESPONSE;
  item->result.response = (Vertexd__V1__GenerateResponse *)result->message;
}

void vtx_item_fill_error(struct vtx_item *item, uint32_t index, const char *id,
                         const struct cb_status *status) {
  fill_head(item, index, id);
  item->duration = vtx_duration_make(0);
  item->result.duration = &item->duration;
  fill_error(item, status);
}

void vtx_item_minimise(struct vtx_item *item) {
  const Vertexd__V1__Error whole = item->error;

  vertexd__v1__error__init(&item->error);
  item->error.code = whole.code;
  item->error.retryable = whole.retryable;
  if (strlen(whole.reason) <= VTX_REASON_MAX) item->error.reason = whole.reason;
  item->result.attempts = 0;
  item->result.duration = NULL;
}

size_t vtx_item_minimal_size(size_t id_size) { return MINIMAL_SIZE + id_size; }

size_t vtx_item_size(const struct vtx_item *item) {
  return ELEMENT_HEAD +
         vertexd__v1__item_result__get_packed_size(&item->result);
}

struct cb_status vtx_status_too_large(struct cb_arena *arena, size_t size,
                                      size_t max) {
  return vtx_fail(arena, VTX_RESPONSE_TOO_LARGE,
                  "the answer needs %zu bytes and %zu are left of "
                  "options.max_message_bytes",
                  size, max);
}

void vtx_item_fit(struct vtx_item *item, struct vtx_result *result,
                  size_t max) {
  size_t size = vtx_item_size(item);
  struct cb_status status;

  if (size <= max) return;
  if (result->status.code == CB_OK) {
    status = vtx_status_too_large(result->arena, size, max);
    vtx_result_fail(result, &status);
    vtx_item_fill(item, result);
    size = vtx_item_size(item);
  }
  if (size > max) vtx_item_minimise(item);
}
