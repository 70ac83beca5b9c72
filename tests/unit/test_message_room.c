#include "service/batch/message_room.h"

#include <string.h>

#include "base/arena.h"
#include "service/batch/result.h"
#include "service/batch/summary.h"
#include "service/limits.h"
#include "service/reasons.h"
#include "tests/unit/cmocka_all.h"

static struct vtx_result *make(const char *text) {
  struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
  struct vtx_result *result = cb_arena_zalloc(arena, 1, sizeof *result);
  Vertexd__V1__GenerateResponse *response =
      cb_arena_alloc(arena, sizeof *response);

  vertexd__v1__generate_response__init(response);
  response->text = cb_arena_strdup(arena, text);
  *result = (struct vtx_result){.arena = arena,
                                .status = cb_status_ok(),
                                .message = &response->base,
                                .id = "",
                                .last = true};
  return result;
}

static void minimal_size__largest_minimal_error__is_not_more(void **state) {
  struct cb_status status =
      cb_status_make(CB_UNAUTHENTICATED, "", "a message that is cut");
  char id[VTX_ID_MAX + 1];
  char reason[VTX_REASON_MAX + 1];
  struct vtx_item item;

  (void)state;
  memset(id, 'i', sizeof id - 1);
  id[sizeof id - 1] = '\0';
  memset(reason, 'R', sizeof reason - 1);
  reason[sizeof reason - 1] = '\0';
  status.reason = reason;
  status.field = "requests[1].contents";
  status.retryable = true;
  vtx_item_fill_error(&item, INT32_MAX, id, &status);
  vtx_item_minimise(&item);
  assert_true(vtx_item_size(&item) <= vtx_item_minimal_size(VTX_ID_MAX));
  assert_string_equal(item.error.reason, reason);
  assert_int_equal(item.error.code, CB_UNAUTHENTICATED);
  assert_true(item.error.retryable);
  assert_true(vtx_item_minimal_size(VTX_ID_MAX) <= VTX_MESSAGE_BYTES_MIN);
  assert_true(vtx_summary_max_size() <= VTX_MESSAGE_BYTES_MIN);
}

static void fit__at_the_limit_and_one_past__kept_and_refused(void **state) {
  struct vtx_result *result = make("twelve bytes");
  struct vtx_item item;
  size_t size;

  (void)state;
  vtx_item_fill(&item, result);
  size = vtx_item_size(&item);
  vtx_item_fit(&item, result, size);
  assert_int_equal(result->status.code, CB_OK);
  assert_non_null(result->message);
  vtx_item_fit(&item, result, size - 1);
  assert_int_equal(result->status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(result->status.reason, "RESPONSE_TOO_LARGE");
  assert_null(result->message);
  assert_int_equal(item.result.outcome_case,
                   VERTEXD__V1__ITEM_RESULT__OUTCOME_ERROR);
  vtx_result_free(result);
}

static void fit__error_too_large__minimised(void **state) {
  struct vtx_result *result = make("");
  struct cb_status status = cb_status_make(
      CB_INTERNAL, "SOME_REASON",
      "a message that is much longer than what is left in this message");
  struct vtx_item item;

  (void)state;
  vtx_result_fail(result, &status);
  vtx_item_fill(&item, result);
  vtx_item_fit(&item, result, vtx_item_minimal_size(0));
  assert_string_equal(item.error.message, "");
  assert_string_equal(item.error.reason, "SOME_REASON");
  assert_true(vtx_item_size(&item) <= vtx_item_minimal_size(0));
  vtx_result_free(result);
}

static void init__items_at_the_limit_and_one_past__fit_or_not(void **state) {
  struct vtx_message_room room;
  size_t most = vtx_message_room_items(VTX_MESSAGE_BYTES_DEFAULT);

  (void)state;
  assert_true(most >= 50000);
  assert_true(
      vtx_message_room_init(&room, VTX_MESSAGE_BYTES_DEFAULT, (uint32_t)most));
  assert_false(vtx_message_room_init(&room, VTX_MESSAGE_BYTES_DEFAULT,
                                     (uint32_t)most + 1));
  assert_true(vtx_message_room_init(&room, VTX_MESSAGE_BYTES_MIN, 0));
  assert_int_equal(vtx_message_room_items(100), 0);
}

static void take__all_of_it__the_rest_still_has_its_minimum(void **state) {
  struct vtx_message_room room;

  (void)state;
  assert_true(vtx_message_room_init(&room, 10000, 3));
  vtx_message_room_take(&room, vtx_message_room_next(&room), true);
  assert_int_equal(vtx_message_room_next(&room), vtx_item_minimal_size(0));
  vtx_message_room_take(&room, vtx_item_minimal_size(0), false);
  assert_int_equal(vtx_message_room_next(&room), vtx_item_minimal_size(0));
}

static void refused__one_giant__does_not_fill_the_message(void **state) {
  struct vtx_message_room room;

  (void)state;
  assert_true(vtx_message_room_init(&room, 10000, 3));
  vtx_message_room_take(&room, 500, true);
  vtx_message_room_refused(&room);
  assert_false(room.full);
  vtx_message_room_take(&room, vtx_message_room_next(&room) - 200, true);
  vtx_message_room_refused(&room);
  assert_true(room.full);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(minimal_size__largest_minimal_error__is_not_more),
      cmocka_unit_test(fit__at_the_limit_and_one_past__kept_and_refused),
      cmocka_unit_test(fit__error_too_large__minimised),
      cmocka_unit_test(init__items_at_the_limit_and_one_past__fit_or_not),
      cmocka_unit_test(take__all_of_it__the_rest_still_has_its_minimum),
      cmocka_unit_test(refused__one_giant__does_not_fill_the_message),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
