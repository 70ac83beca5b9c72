#include "crpc/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/buf.h"
#include "crpc/test/v1/everything.crpc.h"
#include "google/protobuf/descriptor.crpc.h"
#include "tests/unit/cmocka_all.h"

#define TYPE (&crpc_test_Everything_descriptor)
#define ARENA_CAP ((size_t)64 << 20)

struct fixture {
  struct cb_arena *arena;
  struct cb_buf bytes;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);

  f->arena = cb_arena_new(NULL, ARENA_CAP, 0);
  cb_buf_init(&f->bytes, (size_t)128 << 20, NULL);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;

  cb_arena_free(f->arena);
  cb_buf_release(&f->bytes);
  free(f);
  return 0;
}

static void add_varint(struct cb_buf *buf, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    cb_buf_add_char(buf, (char)(value | 0x80));
  cb_buf_add_char(buf, (char)value);
}

static void add_tag(struct cb_buf *buf, unsigned number, unsigned type) {
  add_varint(buf, (uint64_t)number << 3 | type);
}

static void add_bytes(struct cb_buf *buf, unsigned number, const void *data,
                      size_t size) {
  add_tag(buf, number, 2);
  add_varint(buf, size);
  cb_buf_add(buf, data, size);
}

static void add_message(struct fixture *f, const ProtobufCMessage *message) {
  size_t size = protobuf_c_message_get_packed_size(message);
  char *room = cb_buf_reserve(&f->bytes, size + 1);

  assert_non_null(room);
  cb_buf_grow(&f->bytes,
              protobuf_c_message_pack(message, (uint8_t *)(void *)room));
}

static struct crpc_bytes bytes_of(const struct fixture *f) {
  return (struct crpc_bytes){(const uint8_t *)f->bytes.data, f->bytes.len};
}

static struct cb_status scan(struct fixture *f,
                             const struct crpc_wire_limits *limits,
                             struct crpc_wire_report *report) {
  return crpc_wire_scan(TYPE, bytes_of(f), limits, f->arena, report);
}

static void expect_malformed(struct fixture *f, const char *field,
                             const char *why) {
  struct cb_status status = scan(f, NULL, NULL);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "MALFORMED_REQUEST");
  assert_string_equal(status.field, field);
  assert_non_null(strstr(status.message, why));
}

/* Counts what an arena would have to give: sizes rounded up, nothing back. */
static void *count_alloc(void *self, size_t size) {
  *(size_t *)self += (size + 15) & ~(size_t)15;
  return malloc(size > 0 ? size : 1);
}

static void count_free(void *self, void *block) {
  (void)self;
  free(block);
}

/* Scans, unpacks with a counting allocator: the bound must hold, and is not
 * more than the alignment of arrays away (tight == true). */
static void expect_bound(struct fixture *f, bool tight) {
  size_t used = 0;
  ProtobufCAllocator allocator = {count_alloc, count_free, &used};
  struct crpc_wire_report report = {0};
  ProtobufCMessage *message;

  assert_int_equal(scan(f, NULL, &report).code, CB_OK);
  message = protobuf_c_message_unpack(TYPE, &allocator, f->bytes.len,
                                      (const uint8_t *)f->bytes.data);
  assert_non_null(message);
  assert_true(used <= report.unpacked);
  if (tight) assert_true(report.unpacked - used <= (size_t)16 * 12);
  protobuf_c_message_free_unpacked(message, &allocator);
}

static void scan__empty_message__ok(void **state) {
  struct fixture *f = *state;
  struct crpc_wire_report report;

  assert_int_equal(crpc_wire_scan(TYPE, (struct crpc_bytes){NULL, 0}, NULL,
                                  f->arena, &report)
                       .code,
                   CB_OK);
  assert_int_equal(report.elements, 0);
  assert_in_range(report.unpacked, sizeof(crpc_test_Everything),
                  sizeof(crpc_test_Everything) + 32);
}

static void fill_repeated(crpc_test_Everything *message) {
  static char *texts[] = {"a", "bcdefghijklmnopqrst", ""};
  static ProtobufCBinaryData datas[] = {{0, NULL}, {3, (uint8_t *)"abc"}};
  static int32_t smalls[] = {1, -1, 300};
  static protobuf_c_boolean flags[] = {1, 0, 1};
  static double precises[] = {1.5, 2.5};
  static crpc_test_Color colors[] = {crpc_test_COLOR_RED, 77};

  message->n_texts = 3;
  message->texts = texts;
  message->n_datas = 2;
  message->datas = datas;
  message->n_smalls = message->n_unpacked_smalls = 3;
  message->smalls = message->unpacked_smalls = smalls;
  message->n_flags = 3;
  message->flags = flags;
  message->n_precises = 2;
  message->precises = precises;
  message->n_colors = 2;
  message->colors = colors;
}

static void scan__everything__ok_and_bound_is_tight(void **state) {
  struct fixture *f = *state;
  crpc_test_Everything message = crpc_test_Everything_INIT;
  crpc_test_Everything_LabelsEntry label =
      crpc_test_Everything_LabelsEntry_INIT;
  crpc_test_Everything_LabelsEntry *labels[] = {&label, &label};
  crpc_test_Everything_Nested nested = crpc_test_Everything_Nested_INIT;
  crpc_test_Other other = crpc_test_Other_INIT;

  fill_repeated(&message);
  label.key = "k\xC3\xA9y";
  label.value = "a longer value, over eight bytes";
  message.n_labels = 2;
  message.labels = labels;
  message.nested = &nested;
  nested.code = crpc_test_Everything_Nested_NOT_FOUND;
  message.small = -5;
  message.flarge = 1;
  message.real = 1;
  message._maybe_other_case = crpc_test_Everything_HAS_MAYBE_OTHER;
  message.maybe_other = &other;
  message.choice_case = crpc_test_Everything_CHOICE_CHOICE_TEXT;
  message.choice_text = "text";
  add_message(f, &message.base);
  expect_bound(f, true);
}

static void scan__many_fields__bound_has_the_scratch(void **state) {
  struct fixture *f = *state;

  for (int i = 0; i < 3000; i++)
    add_bytes(&f->bytes, 28, "text", 4);
  expect_bound(f, true);
}

static void scan__unknown_fields__bound_holds(void **state) {
  struct fixture *f = *state;

  for (int i = 0; i < 100; i++) {
    add_tag(&f->bytes, 500, 0);
    add_varint(&f->bytes, UINT64_MAX);
    add_bytes(&f->bytes, 501, "unknown", 7);
    add_tag(&f->bytes, 502, 5);
    cb_buf_add(&f->bytes, "1234", 4);
    add_tag(&f->bytes, 536870911, 1);
    cb_buf_add(&f->bytes, "12345678", 8);
  }
  expect_bound(f, true);
}

static void scan__scalar_twice__ok(void **state) {
  struct fixture *f = *state;

  add_bytes(&f->bytes, 1, "first", 5);
  add_bytes(&f->bytes, 1, "second", 6);
  expect_bound(f, true);
}

static void scan__oneof_switched__ok(void **state) {
  struct fixture *f = *state;

  add_bytes(&f->bytes, 21, "first", 5);
  add_bytes(&f->bytes, 22, "", 0);
  add_tag(&f->bytes, 23, 0);
  add_varint(&f->bytes, 1);
  add_bytes(&f->bytes, 21, "again", 5);
  expect_bound(f, true);
}

static void scan__single_message_twice__malformed(void **state) {
  struct fixture *f = *state;

  add_bytes(&f->bytes, 17, "", 0);
  add_bytes(&f->bytes, 17, "", 0);
  expect_malformed(f, "nested", "twice");
}

static void scan__bad_utf8__names_the_field(void **state) {
  struct fixture *f = *state;
  struct cb_buf nested;
  struct cb_buf deep;

  cb_buf_init(&nested, 1000, NULL);
  cb_buf_init(&deep, 1000, NULL);
  add_bytes(&deep, 1, "0123456789\xC0\x80", 12);
  add_bytes(&nested, 2, deep.data, deep.len);
  add_bytes(&f->bytes, 30, "", 0);
  add_bytes(&f->bytes, 1, "good", 4);
  add_bytes(&f->bytes, 30, "", 0);
  add_bytes(&f->bytes, 30, nested.data, nested.len);
  expect_malformed(f, "nesteds[2].deep.text", "UTF-8");
  cb_buf_release(&nested);
  cb_buf_release(&deep);
}

static void scan__nul_in_string__malformed(void **state) {
  struct fixture *f = *state;
  const char text[] = "0123456789abcdef";

  for (size_t i = 0; i < 16; i++) {
    char with_nul[16];

    memcpy(with_nul, text, 16);
    with_nul[i] = 0;
    cb_buf_clear(&f->bytes);
    add_bytes(&f->bytes, 28, "x", 1);
    add_bytes(&f->bytes, 28, with_nul, 16);
    expect_malformed(f, "texts[1]", "NUL");
  }
}

static void scan__nul_in_bytes__ok(void **state) {
  struct fixture *f = *state;

  add_bytes(&f->bytes, 2, "\0\xFF", 2);
  expect_bound(f, true);
}

static void scan__malformed_tags__malformed(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    const char *why;
  } cases[] = {
      {"\x00\x01", 2, "field number 0"},
      {"\x80\x00", 2, "field number 0"},
      {"\xFF\xFF\xFF\xFF\x7F\x00", 6, "too large"},
      {"\x80\x80\x80\x80\x80\x01", 6, "cut off"},
      {"\x88", 1, "cut off"},
      {"\xF3\x3E", 2, "groups"},
      {"\xF4\x3E", 2, "groups"},
      {"\xF6\x3E", 2, "no such wire type"},
      {"\xF7\x3E", 2, "no such wire type"},
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cb_buf_clear(&f->bytes);
    cb_buf_add(&f->bytes, cases[i].bytes, cases[i].size);
    expect_malformed(f, "", cases[i].why);
  }
}

static void scan__malformed_values__name_the_field(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    const char *field;
    const char *why;
  } cases[] = {
      {"\x08\x01", 2, "text", "wire type"},
      {"\x22\x01\x01", 3, "small", "wire type"},
      {"\x1A\x01\x01", 3, "flag", "wire type"},
      {"\x20\x80", 2, "small", "number"},
      {"\x20\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 12, "small",
       "number"},
      {"\x55\x01\x02\x03", 4, "fsmall", "number"},
      {"\x59\x01\x02\x03\x04\x05\x06\x07", 8, "flarge", "number"},
      {"\x0A\x02x", 3, "text", "past the end"},
      {"\x0A\xFF\xFF\xFF\xFF\x7F", 6, "text", "past the end"},
      {"\x0A\xFF\xFF\xFF\xFF\xFF\x01", 7, "text", "length"},
      {"\xFA\x01\x02\x01\x80", 5, "smalls[0]", "number"},
      {"\x92\x02\x07"
       "1234567",
       10, "precises[0]", "packed"},
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cb_buf_clear(&f->bytes);
    cb_buf_add(&f->bytes, cases[i].bytes, cases[i].size);
    expect_malformed(f, cases[i].field, cases[i].why);
  }
}

static void scan__packed_number_of_11_bytes__malformed(void **state) {
  struct fixture *f = *state;

  add_bytes(&f->bytes, 31, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10);
  expect_bound(f, false);
  cb_buf_clear(&f->bytes);
  add_bytes(&f->bytes, 31, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11);
  expect_malformed(f, "smalls[0]", "number");
}

/* Everything.again, levels messages in all. */
static void nest(struct fixture *f, int levels) {
  struct cb_buf inner;

  cb_buf_init(&inner, 1 << 20, NULL);
  cb_buf_clear(&f->bytes);
  for (int i = 1; i < levels; i++) {
    cb_buf_clear(&inner);
    cb_buf_add(&inner, f->bytes.data ? f->bytes.data : "", f->bytes.len);
    cb_buf_clear(&f->bytes);
    add_bytes(&f->bytes, 1000, inner.data, inner.len);
  }
  cb_buf_release(&inner);
}

static void scan__depth_at_limit__ok_and_past_it__malformed(void **state) {
  struct fixture *f = *state;
  struct crpc_wire_limits limits = {.max_depth = 3};
  struct cb_status status;

  nest(f, CRPC_MAX_DEPTH);
  expect_bound(f, true);
  nest(f, CRPC_MAX_DEPTH + 1);
  status = scan(f, NULL, NULL);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_non_null(strstr(status.message, "too deep"));
  assert_true(strlen(status.field) < 250);
  assert_int_equal(strncmp(status.field, "again.again.again", 17), 0);

  nest(f, 3);
  assert_int_equal(scan(f, &limits, NULL).code, CB_OK);
  nest(f, 4);
  assert_int_equal(scan(f, &limits, NULL).code, CB_INVALID_ARGUMENT);
}

/* A google.protobuf.Value in a list in a Value, 100,000 deep: what ends a
 * process that unpacks it. */
static void scan__value_bomb__ends_at_the_limit(void **state) {
  struct fixture *f = *state;
  uint8_t *bytes = malloc((size_t)100000 * 12);
  uint8_t *at = bytes + (size_t)100000 * 12;
  uint8_t *end = at;
  struct cb_status status;

  for (int i = 0; i < 100000; i++) {
    struct cb_buf head;

    cb_buf_init(&head, 20, NULL);
    add_tag(&head, i % 2 == 0 ? 6 : 1, 2);
    add_varint(&head, (uint64_t)(end - at));
    at -= head.len;
    memcpy(at, head.data, head.len);
    cb_buf_release(&head);
  }
  status = crpc_wire_scan(&google_protobuf_ListValue_descriptor,
                          (struct crpc_bytes){at, (size_t)(end - at)}, NULL,
                          f->arena, NULL);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_non_null(strstr(status.message, "too deep"));
  free(bytes);
}

static void scan__elements_at_limit__ok_and_past_it__too_large(void **state) {
  struct fixture *f = *state;
  struct crpc_wire_limits limits = {.max_elements = 10};
  struct cb_status status;

  for (int i = 0; i < 6; i++)
    add_bytes(&f->bytes, 30, "", 0);
  add_bytes(&f->bytes, 31, "\1\2\3", 3); /* a field and three elements */
  assert_int_equal(scan(f, &limits, NULL).code, CB_OK);
  limits.max_elements = 9;
  status = scan(f, &limits, NULL);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  assert_string_equal(status.reason, "REQUEST_TOO_LARGE");
  assert_string_equal(status.field, "smalls[0]");
}

static void scan__unpacked_at_limit__ok_and_past_it__too_large(void **state) {
  struct fixture *f = *state;
  struct crpc_wire_report report;
  struct crpc_wire_limits limits = {0};

  for (int i = 0; i < 100; i++)
    add_bytes(&f->bytes, 30, "", 0);
  assert_int_equal(scan(f, NULL, &report).code, CB_OK);
  limits.max_unpacked = report.unpacked;
  assert_int_equal(scan(f, &limits, NULL).code, CB_OK);
  limits.max_unpacked--;
  assert_int_equal(scan(f, &limits, NULL).code, CB_RESOURCE_EXHAUSTED);
}

static void unpack__good__message_lives_in_the_arena(void **state) {
  struct fixture *f = *state;
  ProtobufCMessage *message = NULL;
  const crpc_test_Everything *everything;

  add_bytes(&f->bytes, 1, "text", 4);
  assert_int_equal(
      crpc_unpack(TYPE, bytes_of(f), NULL, f->arena, &message).code, CB_OK);
  everything = (const crpc_test_Everything *)message;
  assert_string_equal(everything->text, "text");
}

/* Of its own accord, or because the others have all the memory. */
static void unpack__arena_refuses__too_large_or_no_memory(void **state) {
  struct fixture *f = *state;
  struct cb_budget budget;

  for (int i = 0; i < 100; i++)
    add_bytes(&f->bytes, 30, "", 0);
  for (int budgeted = 0; budgeted < 2; budgeted++) {
    struct cb_arena *small;
    ProtobufCMessage *message = NULL;
    struct cb_status status;

    cb_budget_init(&budget, budgeted ? 2000 : SIZE_MAX);
    small = cb_arena_new(&budget, budgeted ? SIZE_MAX : 2000, 0);
    status = crpc_unpack(TYPE, bytes_of(f), NULL, small, &message);
    assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
    assert_string_equal(status.reason,
                        budgeted ? "SERVER_MEMORY" : "REQUEST_TOO_LARGE");
    assert_int_equal(status.retryable, budgeted);
    assert_null(message);
    cb_arena_free(small);
  }
}

static void unpack__required_missing__malformed(void **state) {
  struct fixture *f = *state;
  ProtobufCMessage *message = NULL;

  assert_int_equal(
      crpc_unpack(&google_protobuf_UninterpretedOption_NamePart_descriptor,
                  (struct crpc_bytes){NULL, 0}, NULL, f->arena, &message)
          .code,
      CB_INVALID_ARGUMENT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(scan__empty_message__ok),
      CASE(scan__everything__ok_and_bound_is_tight),
      CASE(scan__many_fields__bound_has_the_scratch),
      CASE(scan__unknown_fields__bound_holds),
      CASE(scan__scalar_twice__ok),
      CASE(scan__oneof_switched__ok),
      CASE(scan__single_message_twice__malformed),
      CASE(scan__bad_utf8__names_the_field),
      CASE(scan__nul_in_string__malformed),
      CASE(scan__nul_in_bytes__ok),
      CASE(scan__malformed_tags__malformed),
      CASE(scan__malformed_values__name_the_field),
      CASE(scan__packed_number_of_11_bytes__malformed),
      CASE(scan__depth_at_limit__ok_and_past_it__malformed),
      CASE(scan__value_bomb__ends_at_the_limit),
      CASE(scan__elements_at_limit__ok_and_past_it__too_large),
      CASE(scan__unpacked_at_limit__ok_and_past_it__too_large),
      CASE(unpack__good__message_lives_in_the_arena),
      CASE(unpack__arena_refuses__too_large_or_no_memory),
      CASE(unpack__required_missing__malformed),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
