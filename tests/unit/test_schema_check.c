#include "service/vertex/schema_check.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_scan.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"

enum form { JSON_SCHEMA, OPEN_API };

struct example {
  enum form form;
  const char *schema;
  const char *value;
  const char *path; /* NULL: it fits */
  const char *expected;
  const char *found;
};

static enum vtx_schema_result check(const struct example *example, size_t steps,
                                    struct cb_arena *arena,
                                    struct vtx_schema_mismatch *mismatch) {
  struct vtx_schema_source source = {example->schema, strlen(example->schema),
                                     example->form == OPEN_API, steps};
  struct cb_json_scan scan;

  if (!cb_json_scan(source.json, source.size, CB_JSON_SCAN_DEPTH, NULL, &scan))
    fail_msg("schema is no JSON: %s", source.json);
  if (!cb_json_scan(example->value, strlen(example->value), CB_JSON_SCAN_DEPTH,
                    NULL, &scan))
    fail_msg("value is no JSON: %s", example->value);
  return vtx_schema_check_value(&source, example->value, strlen(example->value),
                                arena, mismatch);
}

static void expect(const struct example *example) {
  struct cb_arena *arena = cb_arena_new(NULL, 1 << 20, 0);
  struct vtx_schema_mismatch mismatch = {"", "", ""};
  enum vtx_schema_result result = check(example, 0, arena, &mismatch);

  if (result != (example->path ? VTX_SCHEMA_DIFFERS : VTX_SCHEMA_FITS))
    fail_msg("%s with %s: result %d, %s", example->schema, example->value,
             result, mismatch.path);
  if (example->path) {
    assert_string_equal(mismatch.path, example->path);
    assert_string_equal(mismatch.expected, example->expected);
    assert_string_equal(mismatch.found, example->found);
  }
  cb_arena_free(arena);
}

#define EXPECT_ALL(list)                                     \
  for (size_t i = 0; i < sizeof(list) / sizeof *(list); i++) \
  expect(&(list)[i])

/* --- kinds and values ---------------------------------------------------- */

static void check__type__each_kind(void **state) {
  static const struct example examples[] = {
      {0, "{}", "[1]", NULL, "", ""},
      {0, "true", "1", NULL, "", ""},
      {0, "false", "1", "$", "nothing at all", "1"},
      {0, "{\"type\":\"string\"}", "\"a\"", NULL, "", ""},
      {0, "{\"type\":\"string\"}", "1", "$", "string", "integer"},
      {0, "{\"type\":\"integer\"}", "1", NULL, "", ""},
      {0, "{\"type\":\"integer\"}", "1.0", NULL, "", ""},
      {0, "{\"type\":\"integer\"}", "-120e-1", NULL, "", ""},
      {0, "{\"type\":\"integer\"}", "15e-1", "$", "integer", "number"},
      {0, "{\"type\":\"integer\"}", "1e400", NULL, "", ""},
      {0, "{\"type\":\"integer\"}", "0.0e-5", NULL, "", ""},
      {0, "{\"type\":\"integer\"}", "1.5", "$", "integer", "number"},
      {0, "{\"type\":\"integer\"}", "\"1\"", "$", "integer", "string"},
      {0, "{\"type\":\"number\"}", "1", NULL, "", ""},
      {0, "{\"type\":\"number\"}", "null", "$", "number", "null"},
      {0, "{\"type\":\"boolean\"}", "false", NULL, "", ""},
      {0, "{\"type\":\"boolean\"}", "0", "$", "boolean", "integer"},
      {0, "{\"type\":\"null\"}", "null", NULL, "", ""},
      {0, "{\"type\":\"null\"}", "{}", "$", "null", "object"},
      {0, "{\"type\":\"array\"}", "{}", "$", "array", "object"},
      {0, "{\"type\":\"object\"}", "[]", "$", "object", "array"},
      {0, "{\"type\":[\"string\",\"null\"]}", "null", NULL, "", ""},
      {0, "{\"type\":[\"null\",\"string\"]}", "1.5", "$", "string or null",
       "number"},
      {OPEN_API, "{\"type\":\"STRING\"}", "true", "$", "string", "boolean"},
      {OPEN_API, "{\"type\":\"STRING\",\"nullable\":true}", "null", NULL, "",
       ""},
      {OPEN_API, "{\"type\":\"STRING\",\"nullable\":false}", "null", "$",
       "string", "null"},
      {OPEN_API, "{\"type\":\"STRING\",\"enum\":[\"a\"],\"nullable\":true}",
       "null", NULL, "", ""},
      {OPEN_API, "{\"type\":\"INTEGER\",\"format\":\"int32\"}", "12345678901",
       NULL, "", ""},
  };

  (void)state;
  EXPECT_ALL(examples);
}

static void check__enum_and_const__equal_as_values(void **state) {
  static const struct example examples[] = {
      {0, "{\"enum\":[\"a\",1,null]}", "\"a\"", NULL, "", ""},
      {0, "{\"enum\":[\"a\",1,null]}", "1.0", NULL, "", ""},
      {0, "{\"enum\":[\"a\",1,null]}", "null", NULL, "", ""},
      {0, "{\"enum\":[\"a\",1]}", "\"b\"", "$", "one of [\"a\",1]", "\"b\""},
      {0, "{\"enum\":[\"\\u00e9\\ud83d\\ude00\"]}",
       "\"\xc3\xa9\xf0\x9f\x98\x80\"", NULL, "", ""},
      {0, "{\"enum\":[]}", "1", "$", "one of []", "1"},
      {0, "{\"const\":{\"a\":[1,2],\"b\":0}}", "{\"b\":0e1,\"a\":[1,2.0]}",
       NULL, "", ""},
      {0, "{\"const\":{\"a\":[1,2]}}", "{\"a\":[2,1]}", "$", "{\"a\":[1,2]}",
       "{\"a\":[2,1]}"},
      {0, "{\"const\":{\"a\":1}}", "{\"a\":1,\"b\":1}", "$", "{\"a\":1}",
       "{\"a\":1,\"b\":1}"},
      {0, "{\"const\":9007199254740993}", "9007199254740992", "$",
       "9007199254740993", "9007199254740992"},
      {0, "{\"const\":false}", "0", "$", "false", "0"},
      {0, "{\"const\":[]}", "[]", NULL, "", ""},
      {0, "{\"enum\":[\"1\"]}", "1", "$", "one of [\"1\"]", "1"},
      {OPEN_API, "{\"type\":\"INTEGER\",\"enum\":[\"1\",\"20\"]}", "20", NULL,
       "", ""},
      {OPEN_API, "{\"type\":\"INTEGER\",\"enum\":[\"1\",\"20\"]}", "2", "$",
       "one of [\"1\",\"20\"]", "2"},
      {OPEN_API, "{\"type\":\"STRING\",\"format\":\"enum\",\"enum\":[\"A\"]}",
       "\"B\"", "$", "one of [\"A\"]", "\"B\""},
  };

  (void)state;
  EXPECT_ALL(examples);
}

static void check__numbers__exact(void **state) {
  static const struct example examples[] = {
      {0, "{\"minimum\":1.5}", "1.5", NULL, "", ""},
      {0, "{\"minimum\":1.5}", "1.49", "$", "at least 1.5", "1.49"},
      {0, "{\"maximum\":-3}", "-3.0", NULL, "", ""},
      {0, "{\"maximum\":-3}", "-2", "$", "at most -3", "-2"},
      {0, "{\"maximum\":9007199254740992}", "9007199254740993", "$",
       "at most 9007199254740992", "9007199254740993"},
      {0, "{\"exclusiveMinimum\":0}", "0.0", "$", "more than 0", "0.0"},
      {0, "{\"exclusiveMinimum\":0}", "1e-300", NULL, "", ""},
      {0, "{\"exclusiveMaximum\":10}", "10", "$", "less than 10", "10"},
      {0, "{\"minimum\":1,\"exclusiveMinimum\":true}", "1", "$", "more than 1",
       "1"},
      {0, "{\"maximum\":1,\"exclusiveMaximum\":false}", "1", NULL, "", ""},
      {0, "{\"multipleOf\":0.01}", "19.99", NULL, "", ""},
      {0, "{\"multipleOf\":0.01}", "19.999", "$", "a multiple of 0.01",
       "19.999"},
      {0, "{\"multipleOf\":3}", "9e30", NULL, "", ""},
      {0, "{\"multipleOf\":7}", "1e30", "$", "a multiple of 7", "1e30"},
      {0, "{\"multipleOf\":0}", "5", NULL, "", ""},
      {0, "{\"minimum\":5}", "\"text\"", NULL, "", ""},
  };

  (void)state;
  EXPECT_ALL(examples);
}

static void check__strings__characters_and_patterns(void **state) {
  static const struct example examples[] = {
      {0, "{\"minLength\":2}", "\"\xc3\xa9\\u00e9\"", NULL, "", ""},
      {0, "{\"minLength\":2}", "\"\\ud83d\\ude00\"", "$",
       "a string of at least 2 characters", "\"\\ud83d\\ude00\""},
      {0, "{\"maxLength\":1}", "\"\xf0\x9f\x98\x80\"", NULL, "", ""},
      {0, "{\"maxLength\":1}", "\"ab\"", "$",
       "a string of at most 1 characters", "\"ab\""},
      {OPEN_API, "{\"type\":\"STRING\",\"maxLength\":\"1\"}", "\"ab\"", "$",
       "a string of at most 1 characters", "\"ab\""},
      {0, "{\"pattern\":\"^[A-Z]{2}-\\\\d+$\"}", "\"AB-12\"", NULL, "", ""},
      {0, "{\"pattern\":\"^[A-Z]{2}-\\\\d+$\"}", "\"AB-1x\"", "$",
       "a string that matches \"^[A-Z]{2}-\\\\d+$\"", "\"AB-1x\""},
      {0, "{\"pattern\":\"b\"}", "\"abc\"", NULL, "", ""},
      {0, "{\"pattern\":\"b\"}", "5", NULL, "", ""},
      {0, "{\"format\":\"date\"}", "\"no date\"", NULL, "", ""},
  };

  (void)state;
  EXPECT_ALL(examples);
}

/* --- arrays and objects -------------------------------------------------- */

static void check__arrays__elements_counts_uniqueness(void **state) {
  static const struct example examples[] = {
      {0, "{\"items\":{\"type\":\"integer\"}}", "[1,2,\"x\"]", "$[2]",
       "integer", "string"},
      {0, "{\"items\":{\"type\":\"integer\"}}", "[]", NULL, "", ""},
      {0, "{\"items\":false}", "[1]", "$[0]", "nothing at all", "1"},
      {0, "{\"minItems\":2}", "[1]", "$", "at least 2 elements", "1"},
      {0, "{\"maxItems\":2}", "[1,2,3]", "$", "at most 2 elements", "3"},
      {0, "{\"minItems\":2,\"maxItems\":2}", "[1,2]", NULL, "", ""},
      {0, "{\"maxItems\":0}", "[]", NULL, "", ""},
      {OPEN_API, "{\"type\":\"ARRAY\",\"minItems\":\"1\"}", "[]", "$",
       "at least 1 elements", "0"},
      {0, "{\"uniqueItems\":true}", "[1,\"1\",[1],{\"a\":1},true]", NULL, "",
       ""},
      {0, "{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},0,{\"b\":2.0,\"a\":1}]",
       "$", "elements that all differ ([2] is like [0])", "the same one twice"},
      {0, "{\"uniqueItems\":false}", "[1,1]", NULL, "", ""},
      {0, "{\"prefixItems\":[{\"type\":\"string\"},{}],\"items\":false}",
       "[\"a\",1]", NULL, "", ""},
      {0, "{\"prefixItems\":[{\"type\":\"string\"}]}", "[1]", "$[0]", "string",
       "integer"},
      {0, "{\"prefixItems\":[{}],\"items\":{\"type\":\"null\"}}", "[1,2]",
       "$[1]", "null", "integer"},
      {0, "{\"items\":[{\"type\":\"null\"}],\"additionalItems\":false}",
       "[null,2]", "$[1]", "nothing at all", "2"},
  };

  (void)state;
  EXPECT_ALL(examples);
}

static void check__objects__members(void **state) {
  static const char person[] =
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
      "\"age\":{\"type\":\"integer\"}},\"required\":[\"name\",\"id\"],"
      "\"additionalProperties\":{\"type\":\"null\"}}";
  const struct example examples[] = {
      {0, person, "{\"name\":\"x\",\"id\":null}", NULL, "", ""},
      {0, person, "{\"name\":\"x\"}", "$", "the member \"id\"", "none"},
      {0, person, "{\"na\\u006de\":\"x\",\"id\":null}", NULL, "", ""},
      {0, person, "{\"name\":1,\"id\":null}", "$.name", "string", "integer"},
      {0, person, "{\"id\":1}", "$.id", "null", "integer"},
      {0, person, "{\"name\":\"\",\"id\":null,\"a b\":0}", "$[\"a b\"]", "null",
       "integer"},
      {0, "{\"properties\":{\"a\":{}},\"additionalProperties\":false}",
       "{\"a\":1,\"b\":2}", "$.b", "no member of this name", "one"},
      {0, "{\"properties\":{\"a\":{}},\"additionalProperties\":true}",
       "{\"b\":2}", NULL, "", ""},
      {0, "{\"additionalProperties\":false}", "{}", NULL, "", ""},
      {0,
       "{\"patternProperties\":{\"^x\":{\"type\":\"null\"}},"
       "\"additionalProperties\":false}",
       "{\"x1\":null}", NULL, "", ""},
      {0, "{\"patternProperties\":{\"^x\":{\"type\":\"null\"}}}", "{\"x1\":1}",
       "$.x1", "null", "integer"},
      {0, "{\"patternProperties\":{\"^x\":{}},\"additionalProperties\":false}",
       "{\"y\":null}", "$.y", "no member of this name", "one"},
      {0,
       "{\"patternProperties\":{\"(?=x)\":{\"type\":\"null\"}},"
       "\"additionalProperties\":false}",
       "{\"y\":1}", NULL, "", ""},
      {0,
       "{\"patternProperties\":{\"a\":{},\"b\":{},\"c\":{}},"
       "\"patternProperties\":{\"^x\":{\"type\":\"null\"}}}",
       "{\"x\":1}", "$.x", "null", "integer"},
      {0, "{\"minProperties\":1}", "{}", "$", "at least 1 members", "0"},
      {0, "{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", "$",
       "at most 1 members", "2"},
      {0, "{\"properties\":{\"a\":{\"type\":\"null\"}}}", "[1]", NULL, "", ""},
      {0, "{\"properties\":{\"a\":{\"type\":\"null\"}}}",
       "{\"a\":null,\"a\":1}", "$.a", "null", "integer"},
      {OPEN_API,
       "{\"type\":\"OBJECT\",\"properties\":{\"items\":{\"type\":\"ARRAY\","
       "\"items\":{\"type\":\"OBJECT\",\"properties\":{\"name\":{\"type\":"
       "\"STRING\"}},\"required\":[\"name\"],\"propertyOrdering\":[\"name\"]}"
       "}}}",
       "{\"items\":[{\"name\":\"a\"},{\"name\":7}]}", "$.items[1].name",
       "string", "integer"},
      {OPEN_API,
       "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"OBJECT\","
       "\"required\":[\"b\"]}}}",
       "{\"a\":{\"c\":[1,2]}}", "$.a", "the member \"b\"", "none"},
  };

  (void)state;
  EXPECT_ALL(examples);
}

/* --- several schemas ----------------------------------------------------- */

static void check__combined__all_any_one_not(void **state) {
  static const char pets[] =
      "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":"
      "\"cat\"},\"lives\":{\"type\":\"integer\"}},\"required\":[\"kind\"]},"
      "{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"dog\"},"
      "\"tail\":{\"type\":\"boolean\"}}}]}";
  const struct example examples[] = {
      {0, "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "null",
       NULL, "", ""},
      {0, "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1", "$",
       "string or null", "integer"},
      {0, "{\"anyOf\":[{\"minimum\":5},{\"type\":\"null\"}]}", "1", "$",
       "a value that fits one of 2 schemas", "1"},
      {0, pets, "{\"kind\":\"dog\",\"tail\":true}", NULL, "", ""},
      {0, pets, "{\"kind\":\"dog\",\"tail\":1}", "$.tail", "boolean",
       "integer"},
      {0, pets, "{\"kind\":\"cat\",\"lives\":\"9\"}", "$.lives", "integer",
       "string"},
      {0, pets, "[]", "$", "object", "array"},
      {OPEN_API, "{\"anyOf\":[{\"type\":\"STRING\"},{\"type\":\"INTEGER\"}]}",
       "1.5", "$", "string or integer", "number"},
      {0, "{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1", NULL, "",
       ""},
      {0, "{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "3", "$",
       "a value that fits one schema of oneOf, not two", "3"},
      {0, "{\"oneOf\":[{\"type\":\"null\"}]}", "3", "$", "null", "integer"},
      {0, "{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", "$",
       "at most 2", "3"},
      {0,
       "{\"allOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}],"
       "\"properties\":{\"a\":{\"type\":\"null\"}}}",
       "{\"a\":null,\"b\":1}", NULL, "", ""},
      {0, "{\"not\":{\"type\":\"string\"}}", "1", NULL, "", ""},
      {0, "{\"not\":{\"type\":\"string\"}}", "\"a\"", "$",
       "a value that does not fit the schema of not", "\"a\""},
      {0, "{\"not\":true}", "1", "$",
       "a value that does not fit the schema of not", "1"},
      {0, "{\"not\":{}}", "1", "$",
       "a value that does not fit the schema of not", "1"},
      {0, "{\"anyOf\":[true,false]}", "1", NULL, "", ""},
  };

  (void)state;
  EXPECT_ALL(examples);
}

static void check__references__within_the_schema(void **state) {
  static const char tree[] =
      "{\"$ref\":\"#/$defs/Node\",\"$defs\":{\"Node\":{\"type\":\"object\","
      "\"properties\":{\"v\":{\"type\":\"integer\"},\"next\":{\"$ref\":"
      "\"#/$defs/Node\"}},\"required\":[\"v\"]}}}";
  const struct example examples[] = {
      {0, tree, "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":3}}}", NULL, "",
       ""},
      {0, tree, "{\"v\":1,\"next\":{\"v\":2,\"next\":{}}}", "$.next.next",
       "the member \"v\"", "none"},
      {0, "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"type\":\"object\"}",
       "{\"a\":{\"a\":1}}", "$.a.a", "object", "integer"},
      {0,
       "{\"definitions\":{\"a/b ~\":{\"type\":\"null\"}},"
       "\"$ref\":\"#/definitions/a~1b%20~0\"}",
       "1", "$", "null", "integer"},
      {0,
       "{\"prefixItems\":[{\"type\":\"null\"},{\"$ref\":"
       "\"#/prefixItems/0\"}]}",
       "[null,1]", "$[1]", "null", "integer"},
      {OPEN_API,
       "{\"ref\":\"#/defs/A\",\"defs\":{\"A\":{\"type\":\"STRING\"}}}", "1",
       "$", "string", "integer"},
      {0, "{\"ref\":\"#/defs/A\",\"defs\":{\"A\":{\"type\":\"string\"}}}", "1",
       NULL, "", ""},
      {0, "{\"$ref\":\"#/$defs/Missing\"}", "1", NULL, "", ""},
      {0, "{\"$ref\":\"https://example.com/schema\"}", "1", NULL, "", ""},
      {0, "{\"$ref\":7}", "1", NULL, "", ""},
      {0, "{\"$ref\":\"#/$defs/A\",\"minimum\":2,\"$defs\":{\"A\":{}}}", "1",
       "$", "at least 2", "1"},
  };

  (void)state;
  EXPECT_ALL(examples);
}

static void check__schema_that_makes_no_sense__not_applied(void **state) {
  static const char *const schemas[] = {
      "{\"type\":\"strng\"}",
      "{\"type\":[\"string\",\"strng\"]}",
      "{\"type\":7}",
      "{\"enum\":\"a\"}",
      "{\"minimum\":\"5\"}",
      "{\"minLength\":-1,\"maxLength\":0.5}",
      "{\"maxLength\":{}}",
      "{\"pattern\":\"(\"}",
      "{\"pattern\":\"^(?!x)\\\\p{L}$\"}",
      "{\"pattern\":[]}",
      "{\"required\":\"name\",\"properties\":[1]}",
      "{\"required\":[1,null]}",
      "{\"items\":5,\"additionalProperties\":\"no\"}",
      "{\"anyOf\":{},\"oneOf\":[],\"allOf\":1,\"not\":5}",
      "{\"multipleOf\":\"x\",\"unknownKeyword\":{\"type\":\"string\"}}",
      "[1,2]",
      "\"schema\"",
  };

  (void)state;
  for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
    expect(&(struct example){0, schemas[i], "\"text\"", NULL, "", ""});
    expect(&(struct example){0, schemas[i], "{\"a\":[1]}", NULL, "", ""});
  }
}

/* --- limits -------------------------------------------------------------- */

/* "open" count times, then inner, then "close" count times. */
static char *nest(struct cb_arena *arena, const char *open, const char *inner,
                  const char *close, size_t count) {
  char *text = cb_arena_alloc(
      arena, (strlen(open) + strlen(close)) * count + strlen(inner) + 1);
  char *at = text;

  for (size_t i = 0; i < count; i++)
    at += sprintf(at, "%s", open);
  at += sprintf(at, "%s", inner);
  for (size_t i = 0; i < count; i++)
    at += sprintf(at, "%s", close);
  return text;
}

static void check__steps__at_the_limit_and_one_less(void **state) {
  const struct example example = {
      0, "{\"items\":{\"enum\":[1,2,3]}}", "[3,2,1,3,3]", NULL, "", ""};
  struct vtx_schema_mismatch mismatch;
  size_t steps = 1;

  while (check(&example, steps, *state, &mismatch) == VTX_SCHEMA_COSTLY)
    steps++;
  assert_true(steps > 15 && steps < 200);
  assert_int_equal(check(&example, steps, *state, &mismatch), VTX_SCHEMA_FITS);
  assert_int_equal(check(&example, steps - 1, *state, &mismatch),
                   VTX_SCHEMA_COSTLY);
}

static void check__depth__at_the_limit_and_one_more(void **state) {
  const char *schema = "{\"items\":{\"$ref\":\"#\"}}";
  struct vtx_schema_mismatch mismatch;
  size_t deep = VTX_SCHEMA_DEPTH / 2 - 1;
  struct example example = {0,    schema, nest(*state, "[", "", "]", deep + 1),
                            NULL, "",     ""};

  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_FITS);
  example.value = nest(*state, "[", "", "]", deep + 2);
  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_COSTLY);
}

static void check__endless_or_exponential__costly_and_soon(void **state) {
  static const char *const schemas[] = {
      "{\"$ref\":\"#\"}",
      "{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}",
      "{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"$ref\":"
      "\"#\"}}}",
      "{\"anyOf\":[{\"type\":\"null\"},{\"items\":{\"$ref\":\"#\"},"
      "\"minItems\":2},{\"items\":{\"$ref\":\"#\"},\"minItems\":2}]}",
      "{\"not\":{\"$ref\":\"#\"}}",
  };
  char *value = nest(*state, "[", "[]", "]", 200);

  for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
    struct vtx_schema_mismatch mismatch;
    struct example example = {0, schemas[i], value, NULL, "", ""};

    assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_COSTLY);
  }
}

/* What lies deep is passed over on each level; each step of a pointer goes
 * along all names before it; a number has as many digits as it likes. */
static void check__large_schemas__costly_and_soon(void **state) {
  struct cb_arena *arena = *state;
  char *filling = nest(arena, "\"0123456789\",", "1", "", 80000);
  char *list = cb_arena_printf(arena, "{\"enum\":[%s]}", filling);
  char *digits = nest(arena, "1234567890", "1", "", 100000);
  char *branches = nest(arena, "{\"type\":\"string\"},", "{}", "", 1000);
  struct vtx_schema_mismatch mismatch;
  struct example example = {
      0, nest(arena, "{\"anyOf\":[", list, "]}", 200), "7", NULL, "", ""};

  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_COSTLY);
  example.schema =
      cb_arena_printf(arena, "{\"$defs\":{\"%s\":1},\"allOf\":[%s{}]}", digits,
                      nest(arena, "{\"$ref\":\"#/$defs/12\"},", "", "", 1000));
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_COSTLY);
  example.schema = cb_arena_printf(arena, "{\"anyOf\":[%s]}", branches);
  example.value = digits;
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_COSTLY);
  example.schema = "{\"multipleOf\":7}";
  example.value = nest(arena, "1234567890", "1", "", 250000);
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_COSTLY);
}

/* Each value of an enum is compared with the value, whose length must not
 * count each time unless it is paid for. */
static void check__large_value_and_many_allowed__soon(void **state) {
  struct cb_arena *arena = *state;
  char *letters = nest(arena, "aaaaaaaaaa", "", "", 1000000);
  char *numbers = nest(arena, "1,", "1", "", 1000000);
  char *digits = nest(arena, "1234567890", "1", "", 1000000);
  struct vtx_schema_mismatch mismatch;
  struct example example = {0,    "", cb_arena_printf(arena, "\"%s\"", letters),
                            NULL, "", ""};

  example.schema = cb_arena_printf(arena, "{\"enum\":[%s]}",
                                   nest(arena, "\"b\",", "\"b\"", "", 100000));
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_DIFFERS);
  example.schema = cb_arena_printf(arena, "{\"enum\":[%s]}",
                                   nest(arena, "[2],", "[2]", "", 100000));
  example.value = cb_arena_printf(arena, "[%s]", numbers);
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_DIFFERS);
  example.schema = cb_arena_printf(arena, "{\"enum\":[%s]}",
                                   nest(arena, "7,", "7", "", 100000));
  example.value = digits;
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_COSTLY);
  example.schema = cb_arena_printf(arena, "{\"enum\":[%s]}",
                                   nest(arena, "\"7\",", "\"7\"", "", 100000));
  example.form = OPEN_API;
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_COSTLY);
}

static void check__large_values__within_the_steps(void **state) {
  char *numbers = nest(*state, "1234567,", "1", "", 200000);
  char *value = cb_arena_printf(*state, "[%s]", numbers);
  struct vtx_schema_mismatch mismatch;
  struct example example = {
      0, "{\"items\":{\"type\":\"integer\"}}", value, NULL, "", ""};

  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_FITS);
  example.schema = "{\"uniqueItems\":true}";
  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_DIFFERS);
  example.schema = "{\"items\":{\"enum\":[1,2,3,4,5,6,7,1234567]}}";
  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_COSTLY);
}

static void check__many_names__by_hash(void **state) {
  struct cb_arena *arena = *state;
  size_t room = 1 << 20;
  char *required = cb_arena_alloc(arena, room);
  char *members = cb_arena_alloc(arena, room);
  size_t a = 0;
  size_t b = 0;
  struct vtx_schema_mismatch mismatch;
  struct example example = {0, "", "", NULL, "", ""};

  for (int i = 0; i < 20000; i++) {
    a += (size_t)snprintf(required + a, room - a, "%s\"name%d\"",
                          i > 0 ? "," : "", i);
    b += (size_t)snprintf(members + b, room - b, "%s\"name%d\":%d",
                          i > 0 ? "," : "", i, i);
  }
  example.schema = cb_arena_printf(arena, "{\"required\":[%s]}", required);
  example.value = cb_arena_printf(arena, "{%s}", members);
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_FITS);
  members[strlen("\"name")] = 'x';
  example.value = cb_arena_printf(arena, "{%s}", members);
  assert_int_equal(check(&example, 0, arena, &mismatch), VTX_SCHEMA_DIFFERS);
  assert_string_equal(mismatch.expected, "the member \"name0\"");
}

static void check__long_path_and_texts__cut(void **state) {
  char *name = nest(*state, "x", "", "", 300);
  struct vtx_schema_mismatch mismatch;
  struct example example = {
      0,
      cb_arena_printf(*state,
                      "{\"additionalProperties\":{\"anyOf\":[{\"type\":"
                      "\"null\"},{\"$ref\":\"#\",\"type\":\"object\"}]}}"),
      cb_arena_printf(*state, "{\"%s\":{\"%s\":{\"%s\":{\"%s\":\"%s\"}}}}",
                      name, name, name, name, name),
      NULL,
      "",
      ""};

  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_DIFFERS);
  assert_true(strlen(mismatch.path) < 300);
  assert_non_null(strstr(mismatch.path, "..."));
  example.schema = "{\"additionalProperties\":{\"const\":1}}";
  assert_int_equal(check(&example, 0, *state, &mismatch), VTX_SCHEMA_DIFFERS);
  assert_true(strlen(mismatch.found) < 70);
}

#define CASE(name) \
  cmocka_unit_test_setup_teardown(name, vertex_set_up_bounded, vertex_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(check__type__each_kind),
      CASE(check__enum_and_const__equal_as_values),
      CASE(check__numbers__exact),
      CASE(check__strings__characters_and_patterns),
      CASE(check__arrays__elements_counts_uniqueness),
      CASE(check__objects__members),
      CASE(check__combined__all_any_one_not),
      CASE(check__references__within_the_schema),
      CASE(check__schema_that_makes_no_sense__not_applied),
      CASE(check__steps__at_the_limit_and_one_less),
      CASE(check__depth__at_the_limit_and_one_more),
      CASE(check__endless_or_exponential__costly_and_soon),
      CASE(check__large_schemas__costly_and_soon),
      CASE(check__large_value_and_many_allowed__soon),
      CASE(check__large_values__within_the_steps),
      CASE(check__many_names__by_hash),
      CASE(check__long_path_and_texts__cut),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
