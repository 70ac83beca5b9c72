/* docs/errors.md has a row for every reason, saying the same as the tables:
 * | `REASON` | CODE | yes or no | meaning | what to do |
 */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "crpc/wire.h"
#include "service/reasons.h"
#include "service/vertex/reasons.h"
#include "tests/unit/cmocka_all.h"

struct row {
  char reason[64];
  char code[32];
  char retryable[8];
};

#define MAX_ROWS 200

static struct row rows[MAX_ROWS];
static size_t row_count;

/* Copies what stands before end to out; NULL if it does not fit. */
static const char *take(const char *from, const char *end, char *out,
                        size_t room) {
  const char *to = strstr(from, end);

  if (!to || (size_t)(to - from) >= room) return NULL;
  memcpy(out, from, (size_t)(to - from));
  out[to - from] = '\0';
  return to + strlen(end);
}

static bool read_row(const char *line, struct row *row) {
  const char *at = line;

  if (strncmp(line, "| `", 3) != 0) return false;
  at = take(at + 3, "` | ", row->reason, sizeof row->reason);
  if (at) at = take(at, " | ", row->code, sizeof row->code);
  if (at) at = take(at, " | ", row->retryable, sizeof row->retryable);
  return at != NULL;
}

static int read_rows(void **state) {
  FILE *page = fopen(VTX_ERRORS_PAGE, "r");
  char line[2000];

  (void)state;
  if (!page) return -1;
  while (fgets(line, sizeof line, page) && row_count < MAX_ROWS) {
    if (read_row(line, &rows[row_count])) row_count++;
  }
  fclose(page);
  return 0;
}

static void expect_row(const char *reason, enum cb_code code, bool retryable) {
  for (size_t i = 0; i < row_count; i++) {
    if (strcmp(rows[i].reason, reason) != 0) continue;
    assert_string_equal(rows[i].code, cb_code_name(code));
    assert_string_equal(rows[i].retryable, retryable ? "yes" : "no");
    return;
  }
  fail_msg("docs/errors.md has no row for %s", reason);
}

static void page__every_reason__has_its_row(void **state) {
  (void)state;
  for (int i = 0; i < VTX_REASON_COUNT; i++) {
    expect_row(vtx_reason_table[i].name, vtx_reason_table[i].code,
               vtx_reason_table[i].retryable);
  }
  for (int i = 0; i < VTX_SERVICE_REASON_COUNT; i++) {
    expect_row(vtx_service_reason_table[i].name,
               vtx_service_reason_table[i].code,
               vtx_service_reason_table[i].retryable);
  }
}

/* It is made in three rooms that know nothing of each other. */
static void page__used_up_memory__the_same_from_every_room(void **state) {
  const struct cb_status made[] = {crpc_no_memory(), vtx_no_memory(""),
                                   vtx_refuse(VTX_SERVICE_SERVER_MEMORY, "")};

  (void)state;
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    assert_string_equal(made[i].reason, "SERVER_MEMORY");
    expect_row(made[i].reason, made[i].code, made[i].retryable);
  }
}

/* Reasons that the gRPC layer, the start and the C client give, which have no
 * table. tests/docs/check_reasons.py finds those that are missing here. */
static bool is_of_the_transport(const char *reason) {
  static const char *const known[] = {
      "CANCELLED",
      "COMPRESSION_UNKNOWN",
      "MALFORMED_REQUEST",
      "METADATA_TOO_LARGE",
      "METHOD_UNIMPLEMENTED",
      "METHOD_UNKNOWN",
      "READER_TIMEOUT",
      "REQUEST_TIMEOUT",
      "SERVER_DRAINING",
      "SERVER_OVERLOADED",
      "SERVICE_UNKNOWN",
      "LISTEN_FAILED",
      "ENGINE_FAILED",
      "MALFORMED_RESPONSE",
      "SUMMARY_MISSING",
      "CLIENT_OUT_OF_MEMORY",
  };

  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(known[i], reason) == 0) return true;
  }
  return false;
}

static bool is_known(const char *reason) {
  for (int i = 0; i < VTX_REASON_COUNT; i++) {
    if (strcmp(vtx_reason_table[i].name, reason) == 0) return true;
  }
  for (int i = 0; i < VTX_SERVICE_REASON_COUNT; i++) {
    if (strcmp(vtx_service_reason_table[i].name, reason) == 0) return true;
  }
  return is_of_the_transport(reason);
}

static void page__every_row__is_a_reason_and_once(void **state) {
  (void)state;
  for (size_t i = 0; i < row_count; i++) {
    if (!is_known(rows[i].reason)) fail_msg("no reason %s", rows[i].reason);
    for (size_t j = 0; j < i; j++) {
      assert_string_not_equal(rows[i].reason, rows[j].reason);
    }
  }
}

static void tables__every_reason__fits_a_minimal_error(void **state) {
  (void)state;
  for (int i = 0; i < VTX_REASON_COUNT; i++) {
    assert_true(strlen(vtx_reason_table[i].name) <= VTX_REASON_MAX);
  }
  for (int i = 0; i < VTX_SERVICE_REASON_COUNT; i++) {
    assert_true(strlen(vtx_service_reason_table[i].name) <= VTX_REASON_MAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(page__every_reason__has_its_row),
      cmocka_unit_test(page__used_up_memory__the_same_from_every_room),
      cmocka_unit_test(page__every_row__is_a_reason_and_once),
      cmocka_unit_test(tables__every_reason__fits_a_minimal_error),
  };

  return cmocka_run_group_tests(tests, read_rows, NULL);
}
