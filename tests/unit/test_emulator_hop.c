#include "service/emulator/hop.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "service/emulator/answer.h"
#include "service/emulator/knobs.h"
#include "tests/unit/cmocka_all.h"

static int set_up(void **state) {
  *state = cb_arena_new(NULL, 1 << 20, 0);
  return *state ? 0 : -1;
}

static int tear_down(void **state) {
  cb_arena_free(*state);
  return 0;
}

static bool read_hop(const char *body, struct vtx_emu_hop *ret_hop) {
  struct json_object *tree = json_tokener_parse(body);
  bool good;

  assert_non_null(tree);
  good = vtx_emu_hop_read(tree, ret_hop);
  json_object_put(tree);
  return good;
}

/* The body {"a":<a>} with the token that hop gives after so many bytes. */
static const char *with_token(struct cb_arena *arena,
                              const struct vtx_emu_hop *hop, size_t bytes,
                              const char *key, int a) {
  struct cb_json json;
  struct cb_buf buf;
  const char *body;

  cb_buf_init(&buf, 1024, NULL);
  cb_json_init(&json, &buf);
  vtx_emu_hop_write_token(hop, bytes, &json);
  body = cb_arena_printf(arena, "{\"%s\":%s,\"a\":%d}", key, buf.data, a);
  cb_buf_release(&buf);
  return body;
}

static struct vtx_emu_answer answer_of(const char *text) {
  return (struct vtx_emu_answer){
      .candidates = {{.text = text, .thought = "t", .finish_reason = "STOP"}},
      .candidate_count = 1,
      .thoughts_tokens = 7,
  };
}

/* All hops of text, with | between them. */
static const char *cut_up(struct cb_arena *arena, const char *text,
                          const struct vtx_emu_knobs *knobs) {
  struct vtx_emu_hop hop = {.request = 1};
  char *all = cb_arena_strdup(arena, "");
  bool more = true;

  while (more) {
    struct vtx_emu_answer answer = answer_of(text);
    const char *piece;

    assert_true(vtx_emu_hop_cut(&hop, knobs, arena, &answer));
    piece = answer.candidates[0].text;
    more = answer.continues;
    assert_string_equal(answer.candidates[0].finish_reason,
                        more ? "CONTINUATION" : "STOP");
    assert_int_equal(answer.thoughts_tokens, hop.later ? 0 : 7);
    assert_int_equal(answer.candidates_tokens, (strlen(piece) + 3) / 4);
    all = cb_arena_printf(arena, "%s%s%s", all, piece, more ? "|" : "");
    hop.from += strlen(piece);
    hop.later = true;
  }
  return all;
}

static void token__same_request__place(void **state) {
  struct vtx_emu_hop hop;
  struct vtx_emu_hop next;

  assert_true(read_hop("{\"a\":1}", &hop));
  assert_false(hop.later);
  assert_true(
      read_hop(with_token(*state, &hop, 5, "continuationToken", 1), &next));
  assert_true(next.later);
  assert_int_equal(next.from, 5);
  assert_true(
      read_hop(with_token(*state, &next, 6, "continuation_token", 1), &hop));
  assert_int_equal(hop.from, 11);
}

static void token__changed_request_or_no_token__refused(void **state) {
  struct vtx_emu_hop hop;
  struct vtx_emu_hop next;

  assert_true(read_hop("{\"a\":1}", &hop));
  assert_false(
      read_hop(with_token(*state, &hop, 5, "continuationToken", 2), &next));
  assert_false(read_hop("{\"a\":1,\"continuationToken\":\"AAEC\"}", &next));
  assert_false(read_hop("{\"a\":1,\"continuationToken\":\"!\"}", &next));
}

static void cut__knobs__pieces_make_the_text(void **state) {
  struct cb_arena *arena = *state;
  const struct vtx_emu_knobs none = {0};
  const struct vtx_emu_knobs tokens = {.hop_tokens = 2};
  const struct vtx_emu_knobs hops = {.hops = 3};
  const struct vtx_emu_knobs thinks = {.hops = 2, .thought_hop = true};

  assert_string_equal(cut_up(arena, "0123456789abcdefX", &none),
                      "0123456789abcdefX");
  assert_string_equal(cut_up(arena, "0123456789abcdefX", &tokens),
                      "01234567|89abcdef|X");
  assert_string_equal(cut_up(arena, "0123456789abcdef", &tokens),
                      "01234567|89abcdef");
  assert_string_equal(cut_up(arena, "0123456789abcdef", &hops),
                      "012345|6789ab|cdef");
  assert_string_equal(cut_up(arena, "0123456789abcdef", &thinks),
                      "|01234567|89abcdef");
  assert_string_equal(cut_up(arena, "0123456\xc3\xa4 9", &tokens),
                      "0123456|\xc3\xa4 9");
}

#define test(function) \
  cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(token__same_request__place),
      test(token__changed_request_or_no_token__refused),
      test(cut__knobs__pieces_make_the_text),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
