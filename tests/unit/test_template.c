#include "service/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "service/limits.h"
#include "support/room_help.h"
#include "tests/unit/cmocka_all.h"

static struct cb_arena *arena;

static struct vtx_template *compile(const char *text) {
  struct vtx_template *template = NULL;
  struct cb_status status =
      vtx_template_compile(text, "template", arena, &template);

  if (status.code != CB_OK) print_message("%s\n", status.message);
  assert_int_equal(status.code, CB_OK);
  return template;
}

static const char *render_item(const char *text,
                               struct vtx_template_item *item) {
  struct cb_buf out;
  struct cb_status status;
  char *copy;

  cb_buf_init(&out, 1000, NULL);
  status = vtx_template_render(compile(text), item, arena, &out);
  assert_int_equal(status.code, CB_OK);
  copy = cb_arena_memdup(arena, out.data ? out.data : "", out.len);
  cb_buf_release(&out);
  return copy;
}

static const char *render(const char *text, const char *value) {
  struct vtx_template_item item = {
      .text = value, .index = 7, .field = "items[7]"};

  return render_item(text, &item);
}

static void expect_error(const char *text, const char *part) {
  struct vtx_template *template = NULL;
  struct cb_status status =
      vtx_template_compile(text, "item_template", arena, &template);

  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "TEMPLATE_INVALID");
  assert_string_equal(status.field, "item_template");
  if (!strstr(status.message, part)) fail_msg("%s", status.message);
}

static Google__Protobuf__Value *string_value(const char *text) {
  Google__Protobuf__Value *value = cb_arena_alloc(arena, sizeof *value);

  google__protobuf__value__init(value);
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
  value->string_value = (char *)text;
  return value;
}

static Google__Protobuf__Value *number_value(double number) {
  Google__Protobuf__Value *value = string_value("");

  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
  value->number_value = number;
  return value;
}

static Google__Protobuf__Value *bool_value(bool truth) {
  Google__Protobuf__Value *value = string_value("");

  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
  value->bool_value = truth;
  return value;
}

static Google__Protobuf__Value *null_value(void) {
  Google__Protobuf__Value *value = string_value("");

  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
  value->null_value = GOOGLE__PROTOBUF__NULL_VALUE__NULL_VALUE;
  return value;
}

/* {key: inner} */
static Google__Protobuf__Value *struct_value(const char *key,
                                             Google__Protobuf__Value *inner) {
  Google__Protobuf__Value *value = string_value("");
  Google__Protobuf__Struct *object = cb_arena_alloc(arena, sizeof *object);
  Google__Protobuf__Struct__FieldsEntry *entry =
      cb_arena_alloc(arena, sizeof *entry);

  google__protobuf__struct__init(object);
  google__protobuf__struct__fields_entry__init(entry);
  entry->key = (char *)key;
  entry->value = inner;
  object->fields = cb_arena_alloc(arena, sizeof entry);
  object->fields[0] = entry;
  object->n_fields = 1;
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
  value->struct_value = object;
  return value;
}

/* [a, b] */
static Google__Protobuf__Value *list_value(Google__Protobuf__Value *a,
                                           Google__Protobuf__Value *b) {
  Google__Protobuf__Value *value = string_value("");
  Google__Protobuf__ListValue *list = cb_arena_alloc(arena, sizeof *list);

  google__protobuf__list_value__init(list);
  list->values = cb_arena_alloc(arena, 2 * sizeof a);
  list->values[0] = a;
  list->values[1] = b;
  list->n_values = 2;
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
  value->list_value = list;
  return value;
}

static const char *render_value(const char *text,
                                Google__Protobuf__Value *value) {
  struct vtx_template_item item = {.value = value, .field = "values[0]"};

  return render_item(text, &item);
}

static void render__text_items__inserted_as_they_are(void **state) {
  (void)state;
  assert_string_equal(render("", "x"), "");
  assert_string_equal(render("no placeholder", "x"), "no placeholder");
  assert_string_equal(render("{item}", "x"), "x");
  assert_string_equal(render("What is {item}?", "a \"b\"\n{item}"),
                      "What is a \"b\"\n{item}?");
  assert_string_equal(render("{item}{item} {index}", "x"), "xx 7");
  assert_string_equal(render("[{item}]", ""), "[]");
}

static void render__doubled_braces__literal_ones(void **state) {
  (void)state;
  assert_string_equal(render("{{", "x"), "{");
  assert_string_equal(render("}}", "x"), "}");
  assert_string_equal(render("{{item}}", "x"), "{item}");
  assert_string_equal(render("{{{item}}}", "x"), "{x}");
  assert_string_equal(render("{{}}{{{{", "x"), "{}{{");
}

static void render__values__by_kind(void **state) {
  Google__Protobuf__Value *list = list_value(number_value(3), null_value());

  (void)state;
  assert_string_equal(render_value("{item}", string_value("a\"b")), "a\"b");
  assert_string_equal(render_value("{item}", number_value(3)), "3");
  assert_string_equal(render_value("{item}", number_value(0.1)), "0.1");
  assert_string_equal(render_value("{item}", number_value(-2.5)), "-2.5");
  assert_string_equal(render_value("{item}", bool_value(true)), "true");
  assert_string_equal(render_value("{item}", bool_value(false)), "false");
  assert_string_equal(render_value("{item}", null_value()), "null");
  assert_string_equal(render_value("{item}", list), "[3,null]");
  assert_string_equal(
      render_value("{item}", struct_value("k", string_value("a\"b"))),
      "{\"k\":\"a\\\"b\"}");
}

static void render__steps__reach_into_values(void **state) {
  Google__Protobuf__Value *deep = struct_value(
      "a", list_value(struct_value("b c", number_value(4)), bool_value(true)));

  (void)state;
  assert_string_equal(render_value("{item.a[0].b c}", deep), "4");
  assert_string_equal(render_value("{item.a[1]}", deep), "true");
  assert_string_equal(render_value("{item.a}", deep), "[{\"b c\":4},true]");
  assert_string_equal(
      render_value("{item[1][0]}",
                   list_value(null_value(),
                              list_value(string_value("x"), null_value()))),
      "x");
  assert_string_equal(
      render_value("{item.größe}", struct_value("größe", number_value(1))),
      "1");
}

static void render__shown_text__replaces_item_but_not_its_parts(void **state) {
  struct vtx_template_item item = {
      .value = struct_value("name", string_value("C")),
      .shown = "the C language",
      .field = "values[0]"};

  (void)state;
  assert_string_equal(render_item("{item}: {item.name}", &item),
                      "the C language: C");
}

static void expect_missing(const char *text, Google__Protobuf__Value *value) {
  struct vtx_template_item item = {.value = value, .field = "values[3]"};
  struct cb_buf out;
  struct cb_status status;

  if (!value) item.text = "text";
  cb_buf_init(&out, 1000, NULL);
  status = vtx_template_render(compile(text), &item, arena, &out);
  cb_buf_release(&out);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "TEMPLATE_KEY_MISSING");
  assert_string_equal(status.field, "values[3]");
  assert_non_null(strstr(status.message, text));
}

static void render__what_the_item_lacks__is_the_items_error(void **state) {
  (void)state;
  expect_missing("{item.b}", struct_value("a", null_value()));
  expect_missing("{item[0]}", struct_value("0", null_value()));
  expect_missing("{item[2]}", list_value(null_value(), null_value()));
  expect_missing("{item.a.b}", struct_value("a", string_value("b")));
  expect_missing("{item.a}", NULL);
  expect_missing("{item[0]}", NULL);
}

/* {key: 0, "", ..., ""}, with count fields that share one entry but for those
 * at the ends. */
static Google__Protobuf__Value *wide_value(const char *key, size_t count) {
  Google__Protobuf__Value *value = struct_value(key, number_value(0));
  Google__Protobuf__Struct *object = value->struct_value;
  Google__Protobuf__Struct__FieldsEntry *first = object->fields[0];
  Google__Protobuf__Struct__FieldsEntry *other =
      struct_value("", null_value())->struct_value->fields[0];

  object->fields = cb_arena_alloc(arena, count * sizeof *object->fields);
  for (size_t i = 0; i < count; i++)
    object->fields[i] = i == 0 ? first : other;
  object->n_fields = count;
  return value;
}

/* Renders count times text; gives the reason, NULL for OK. */
static const char *render_times(const char *text, int count,
                                struct vtx_template_item *item) {
  struct vtx_template *template = compile(text);
  struct cb_status status = cb_status_ok();
  struct cb_buf out;

  for (int i = 0; i < count && status.code == CB_OK; i++) {
    cb_buf_init(&out, SIZE_MAX, NULL);
    status = vtx_template_render(template, item, arena, &out);
    cb_buf_release(&out);
  }
  if (status.code == CB_OK) return NULL;
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, item->field);
  return status.reason;
}

static void render__keys_there_twice_or_alike__last_whole_one(void **state) {
  Google__Protobuf__Value *value = wide_value("ab", 4);
  Google__Protobuf__Struct__FieldsEntry **fields = value->struct_value->fields;

  (void)state;
  fields[1] = struct_value("a", number_value(1))->struct_value->fields[0];
  fields[2] = struct_value("a", number_value(2))->struct_value->fields[0];
  fields[3] = struct_value("abc", number_value(3))->struct_value->fields[0];
  assert_string_equal(render_value("{item.a}", value), "2");
  assert_string_equal(render_value("{item.ab}{item.abc}", value), "03");
  expect_missing("{item.b}", value);
  expect_missing("{item.abcd}", value);
}

static void render__looks_at_the_limit_and_one_past__too_costly(void **state) {
  struct vtx_template_item item = {.value = wide_value("a", 100000),
                                   .field = "values[0]"};

  (void)state;
  assert_null(render_times("{item.a}", VTX_TEMPLATE_LOOKS / 100000, &item));
  assert_int_equal(item.looks, VTX_TEMPLATE_LOOKS);
  item.value = struct_value("a", null_value());
  assert_string_equal(render_times("{item.a}", 1, &item),
                      "TEMPLATE_TOO_COSTLY");
}

static void render__long_key__costs_more_looks(void **state) {
  char text[300];
  char key[2 * VTX_TEMPLATE_LOOK_BYTES + 1] = "";
  struct vtx_template_item item = {.value = wide_value("a", 3),
                                   .field = "values[0]"};

  (void)state;
  memset(key, 'k', sizeof key - 1);
  snprintf(text, sizeof text, "{item.%s}", key);
  assert_string_equal(render_times(text, 1, &item), "TEMPLATE_KEY_MISSING");
  assert_int_equal(item.looks, 9);
}

/* Each placeholder alone is within the limit; together they would keep the
 * thread for many seconds. */
static void render__many_placeholders_and_fields__ends_at_the_limit(
    void **state) {
  enum { PLACEHOLDERS = 10000, FIELDS = 250000 };
  struct vtx_template_item item = {.value = wide_value("a", FIELDS),
                                   .field = "values[0]"};
  char *text = cb_arena_zalloc(arena, PLACEHOLDERS, 8);

  (void)state;
  for (size_t i = 0; i < PLACEHOLDERS - 1; i++)
    memcpy(text + i * 8, "{item.a}", 8);
  assert_string_equal(render_times(text, 1, &item), "TEMPLATE_TOO_COSTLY");
  assert_in_range(item.looks, VTX_TEMPLATE_LOOKS + 1,
                  VTX_TEMPLATE_LOOKS + FIELDS);
}

static void render__buffer_at_its_limit_and_one_past__too_large(void **state) {
  char field[] = "items[0]"; /* the caller's, and short-lived */
  struct vtx_template_item item = {.text = "12345", .field = field};
  struct vtx_template *template = compile("{item}{item}");
  struct cb_status status;
  struct cb_buf out;

  (void)state;
  cb_buf_init(&out, 10, NULL);
  status = vtx_template_render(template, &item, arena, &out);
  assert_int_equal(status.code, CB_OK);
  cb_buf_release(&out);
  cb_buf_init(&out, 9, NULL);
  status = vtx_template_render(template, &item, arena, &out);
  assert_int_equal(status.code, CB_RESOURCE_EXHAUSTED);
  field[0] = '?';
  assert_string_equal(status.reason, "PROMPT_TOO_LARGE");
  assert_string_equal(status.field, "items[0]");
  cb_buf_release(&out);
}

static void render__budget_used_up__server_memory(void **state) {
  struct vtx_template_item item = {.text = "12345", .field = "items[0]"};
  struct vtx_template *template = compile("{item}");
  struct cb_status status;
  struct cb_budget none;
  struct cb_buf out;

  (void)state;
  cb_budget_init(&none, 0);
  cb_buf_init(&out, 10, &none);
  status = vtx_template_render(template, &item, arena, &out);
  assert_string_equal(status.reason, "SERVER_MEMORY");
  assert_true(status.retryable);
  cb_buf_release(&out);
}

static void compile__wrong_braces__names_placeholder_and_place(void **state) {
  (void)state;
  expect_error("ab {name} cd", "\"{name}\" at byte 3");
  expect_error("{}", "\"{}\" at byte 0");
  expect_error("{item", "\"{item\" at byte 0");
  expect_error("x }", "\"}\" at byte 2");
  expect_error("{item}}", "\"}\" at byte 6");
  expect_error("{{item}", "\"}\" at byte 6");
  expect_error("{ item }", "\"{ item }\" at byte 0");
  expect_error("{items}", "\"{items}\" at byte 0");
  expect_error("{item.}", "\"{item.}\" at byte 0");
  expect_error("{item..a}", "\"{item..a}\" at byte 0");
  expect_error("{item[]}", "\"{item[]}\" at byte 0");
  expect_error("{item[x]}", "\"{item[x]}\" at byte 0");
  expect_error("{item[1}", "\"{item[1}\" at byte 0");
  expect_error("{item[-1]}", "\"{item[-1]}\" at byte 0");
  expect_error("{item[1]a}", "\"{item[1]a}\" at byte 0");
  expect_error("{item.a]}", "\"{item.a]}\" at byte 0");
  expect_error("{index.a}", "\"{index.a}\" at byte 0");
  expect_error("{index}{Item}", "\"{Item}\" at byte 7");
  expect_error("{item {item}", "at byte 0");
  expect_error("{item[1234567890]}", "at byte 0");
}

/* A template of count segments: placeholders with a comma between. */
static char *many_segments(int count) {
  char *text = malloc((size_t)count * 8 + 1);
  size_t at = 0;

  for (int i = 0; i < count; i++) {
    const char *piece = i % 2 == 0 ? "{item}" : ",";

    memcpy(text + at, piece, strlen(piece));
    at += strlen(piece);
  }
  text[at] = '\0';
  return text;
}

static void compile__segments_at_the_limit_and_one_past__refused(void **state) {
  char *text = many_segments(VTX_TEMPLATE_SEGMENTS);

  (void)state;
  compile(text);
  free(text);
  text = many_segments(VTX_TEMPLATE_SEGMENTS + 1);
  expect_error(text, "more than 10000");
  free(text);
}

static void compile__steps_at_the_limit_and_one_past__refused(void **state) {
  char text[8 + 3 * (VTX_TEMPLATE_STEPS + 1)];
  size_t at = (size_t)snprintf(text, sizeof text, "{item");

  (void)state;
  for (int i = 0; i < VTX_TEMPLATE_STEPS; i++) {
    at += (size_t)snprintf(text + at, sizeof text - at, ".a");
  }
  snprintf(text + at, sizeof text - at, "}");
  compile(text);
  snprintf(text + at, sizeof text - at, ".a}");
  expect_error(text, "too many steps");
}

static Vertexd__V1__Part *text_part(const char *text) {
  Vertexd__V1__Part *part = cb_arena_alloc(arena, sizeof *part);

  vertexd__v1__part__init(part);
  part->data_case = VERTEXD__V1__PART__DATA_TEXT;
  part->text = (char *)text;
  return part;
}

static Vertexd__V1__Part *file_part(const char *uri) {
  Vertexd__V1__Part *part = text_part("");
  Vertexd__V1__FileData *file = cb_arena_alloc(arena, sizeof *file);

  vertexd__v1__file_data__init(file);
  file->mime_type = "image/png";
  file->file_uri = (char *)uri;
  part->data_case = VERTEXD__V1__PART__DATA_FILE_DATA;
  part->file_data = file;
  return part;
}

static Vertexd__V1__Content *content_of(Vertexd__V1__Part *a,
                                        Vertexd__V1__Part *b) {
  Vertexd__V1__Content *content = cb_arena_alloc(arena, sizeof *content);

  vertexd__v1__content__init(content);
  content->role = "user";
  content->parts = cb_arena_alloc(arena, 2 * sizeof a);
  content->parts[0] = a;
  content->parts[1] = b;
  content->n_parts = 2;
  return content;
}

static void contents__texts_and_uris__rendered_without_changing_them(
    void **state) {
  Vertexd__V1__Content *content =
      content_of(file_part("gs://b/{item}.png"), text_part("Image {index}"));
  struct vtx_template_item item = {
      .text = "cat", .index = 2, .field = "items[2]"};
  struct vtx_contents_template *template = NULL;
  Vertexd__V1__Content **rendered = NULL;
  struct cb_status status = vtx_contents_compile(&content, 1, arena, &template);

  (void)state;
  assert_int_equal(status.code, CB_OK);
  assert_int_equal(vtx_contents_count(template), 1);
  status = vtx_contents_render(template, &item, arena, &rendered);
  assert_int_equal(status.code, CB_OK);
  assert_string_equal(rendered[0]->role, "user");
  assert_string_equal(rendered[0]->parts[0]->file_data->file_uri,
                      "gs://b/cat.png");
  assert_string_equal(rendered[0]->parts[0]->file_data->mime_type, "image/png");
  assert_string_equal(rendered[0]->parts[1]->text, "Image 2");
  assert_string_equal(content->parts[0]->file_data->file_uri,
                      "gs://b/{item}.png");
  assert_string_equal(content->parts[1]->text, "Image {index}");
}

static void contents__segments_of_all_parts__count_together(void **state) {
  char *half = many_segments(VTX_TEMPLATE_SEGMENTS / 2);
  char *more = many_segments(VTX_TEMPLATE_SEGMENTS / 2 + 1);
  Vertexd__V1__Content *contents[] = {
      content_of(text_part(""), text_part(half)),
      content_of(text_part(""), file_part(half)),
  };
  struct vtx_contents_template *template = NULL;
  struct cb_status status = vtx_contents_compile(contents, 2, arena, &template);

  (void)state;
  assert_int_equal(status.code, CB_OK);
  contents[1]->parts[1]->file_data->file_uri = more;
  status = vtx_contents_compile(contents, 2, arena, &template);
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.reason, "TEMPLATE_INVALID");
  assert_string_equal(status.field,
                      "contents_template[1].parts[1].file_data.file_uri");
  assert_non_null(strstr(status.message, "with the parts before it"));
  free(half);
  free(more);
}

static void contents__looks_of_all_parts__count_together(void **state) {
  Vertexd__V1__Content *content =
      content_of(file_part("{item.a}"), text_part("{item.a}"));
  struct vtx_template_item item = {
      .value = struct_value("a", string_value("b")), .field = "values[2]"};
  struct vtx_contents_template *template = NULL;
  Vertexd__V1__Content **rendered = NULL;
  struct cb_status status = vtx_contents_compile(&content, 1, arena, &template);

  (void)state;
  assert_int_equal(status.code, CB_OK);
  item.looks = VTX_TEMPLATE_LOOKS - 2;
  status = vtx_contents_render(template, &item, arena, &rendered);
  assert_int_equal(status.code, CB_OK);
  item.looks = VTX_TEMPLATE_LOOKS - 1;
  status = vtx_contents_render(template, &item, arena, &rendered);
  assert_string_equal(status.reason, "TEMPLATE_TOO_COSTLY");
}

static void contents__wrong_template_inside__field_says_where(void **state) {
  Vertexd__V1__Content *contents[] = {
      content_of(text_part("fine"), text_part("{bad}")),
      content_of(text_part("fine"), file_part("{worse}")),
  };
  struct vtx_contents_template *template = NULL;
  struct cb_status status = vtx_contents_compile(contents, 2, arena, &template);

  (void)state;
  assert_int_equal(status.code, CB_INVALID_ARGUMENT);
  assert_string_equal(status.field, "contents_template[0].parts[1].text");
  contents[0]->parts[1]->text = "{item}";
  status = vtx_contents_compile(contents, 2, arena, &template);
  assert_string_equal(status.field,
                      "contents_template[1].parts[1].file_data.file_uri");
}

/* Compiles and renders contents. */
static const char *render_with(void *ctx, size_t cap,
                               struct cb_budget *budget) {
  Vertexd__V1__Content *content =
      content_of(file_part("gs://b/{item}.png"), text_part("{index} {item.a}"));
  struct vtx_template_item item = {
      .value = struct_value("a", string_value("1")), .field = "items[2]"};
  struct cb_arena *small = cb_arena_new(budget, cap, 64);
  struct vtx_contents_template *template = NULL;
  Vertexd__V1__Content **rendered = NULL;
  struct cb_status status;

  (void)ctx;
  if (!small) return "";
  status = vtx_contents_compile(&content, 1, small, &template);
  if (status.code == CB_OK)
    status = vtx_contents_render(template, &item, small, &rendered);
  cb_arena_free(small); /* the reason is a literal */
  return status.code == CB_OK ? "OK" : status.reason;
}

static void contents__any_cap_or_budget__too_large_or_memory(void **state) {
  const struct room_case room = {render_with, NULL, 10};

  (void)state;
  expect_by_cap(&room, "REQUEST_TOO_LARGE");
  expect_by_budget(&room);
}

static int set_up(void **state) {
  (void)state;
  arena = cb_arena_new(NULL, SIZE_MAX, 0);
  return arena ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  cb_arena_free(arena);
  return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(render__text_items__inserted_as_they_are),
      CASE(render__doubled_braces__literal_ones),
      CASE(render__values__by_kind),
      CASE(render__steps__reach_into_values),
      CASE(render__shown_text__replaces_item_but_not_its_parts),
      CASE(render__what_the_item_lacks__is_the_items_error),
      CASE(render__keys_there_twice_or_alike__last_whole_one),
      CASE(render__looks_at_the_limit_and_one_past__too_costly),
      CASE(render__long_key__costs_more_looks),
      CASE(render__many_placeholders_and_fields__ends_at_the_limit),
      CASE(render__buffer_at_its_limit_and_one_past__too_large),
      CASE(render__budget_used_up__server_memory),
      CASE(compile__wrong_braces__names_placeholder_and_place),
      CASE(compile__segments_at_the_limit_and_one_past__refused),
      CASE(compile__steps_at_the_limit_and_one_past__refused),
      CASE(contents__texts_and_uris__rendered_without_changing_them),
      CASE(contents__segments_of_all_parts__count_together),
      CASE(contents__looks_of_all_parts__count_together),
      CASE(contents__wrong_template_inside__field_says_where),
      CASE(contents__any_cap_or_budget__too_large_or_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
