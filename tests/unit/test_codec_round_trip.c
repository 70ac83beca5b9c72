#include <string.h>

#include "base/arena.h"
#include "service/vertex/codec_internal.h"
#include "support/vertex_help.h"
#include "tests/unit/cmocka_all.h"
#include "vertexd/v1/vertexd.pb-c.h"

#define VARIANTS 15 /* as many members as the widest oneof, and more */

static const ProtobufCMessageDescriptor *const types[] = {
    &vertexd__v1__generate_request__descriptor,
    &vertexd__v1__generate_response__descriptor,
    &vertexd__v1__count_tokens_request__descriptor,
    &vertexd__v1__count_tokens_response__descriptor,
};

static void round_trip__every_field__same_bytes(void **state) {
  (void)state;
  for (unsigned i = 0; i < 4 * VARIANTS; i++) {
    const ProtobufCMessageDescriptor *type = types[i / VARIANTS];
    struct cb_arena *arena = cb_arena_new(NULL, SIZE_MAX, 0);
    struct vtx_codec_notes notes = {0};
    ProtobufCMessage *filled = vertex_fill(arena, type, i % VARIANTS, false);
    const char *text = vertex_encode(arena, filled, NULL);
    ProtobufCMessage *back = vertex_decode(arena, type, text, &notes);

    assert_true(protobuf_c_message_get_packed_size(filled) > 20);
    assert_true(vertex_same(filled, back));
    assert_int_equal(notes.count, 0);
    cb_arena_free(arena);
  }
}

static void round_trip__over_itself__merge_changes_nothing(void **state) {
  const ProtobufCMessageDescriptor *type = types[0];

  for (unsigned i = 0; i < VARIANTS; i++) {
    ProtobufCMessage *filled = vertex_fill(*state, type, i, false);
    ProtobufCMessage *empty = cb_arena_alloc(*state, type->sizeof_message);
    const char *text = vertex_encode(*state, filled, NULL);

    type->message_init(empty);
    assert_string_equal(vertex_encode(*state, filled, filled), text);
    assert_string_equal(vertex_encode(*state, empty, filled), text);
    assert_string_equal(vertex_encode(*state, filled, empty), text);
    assert_string_equal(vertex_encode(*state, NULL, filled), text);
  }
}

static void encode__own_fields__never_leave(void **state) {
  for (unsigned i = 0; i < 4; i++) {
    for (unsigned variant = 0; variant < 3; variant++) {
      ProtobufCMessage *own = vertex_fill(*state, types[i], variant, true);
      ProtobufCMessage *none = vertex_fill(*state, types[i], variant, false);
      const char *text = vertex_encode(*state, own, NULL);

      assert_null(strstr(text, "vertexd's"));
      assert_string_equal(text, vertex_encode(*state, none, NULL));
    }
  }
}

/* The rule needs no list: whatever field the contract gains is covered. */
static void encode__each_own_field_alone__empty_object(void **state) {
  const ProtobufCMessageDescriptor *type = types[0];
  unsigned own = 0;

  for (unsigned i = 0; i < type->n_fields; i++) {
    ProtobufCMessage *one = cb_arena_alloc(*state, type->sizeof_message);
    const ProtobufCFieldDescriptor *field = &type->fields[i];
    ProtobufCMessage *full = vertex_fill(*state, type, 0, true);

    if (!vtx_codec_is_own(field)) continue;
    own++;
    if (!vtx_codec_has(full, field)) /* an enum's first value */
      full = vertex_fill(*state, type, 1, true);
    type->message_init(one);
    memcpy(vtx_codec_slot(one, field), vtx_codec_at(full, field),
           vtx_codec_element_size(field->type));
    if (vtx_codec_in_oneof(field)) vtx_codec_set_case(one, field);
    assert_true(vtx_codec_has(one, field));
    assert_string_equal(vertex_encode(*state, one, NULL), "{}");
  }
  assert_true(own >= 8);
}

static void decode__own_fields__noted_and_left_out(void **state) {
  struct vtx_codec_notes notes = {0};
  Vertexd__V1__GenerateResponse *response =
      vertex_decode(*state, types[1],
                    "{\"text\":\"no\",\"rawJson\":\"no\",\"id\":7}", &notes);

  assert_string_equal(response->text, "");
  assert_string_equal(response->raw_json, "");
  assert_string_equal(response->id, "");
  assert_int_equal(notes.count, 3);
  assert_string_equal(notes.first->path, "text");
  assert_string_equal(notes.first->json, "\"no\"");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trip__every_field__same_bytes),
      cmocka_unit_test_setup_teardown(
          round_trip__over_itself__merge_changes_nothing, vertex_set_up,
          vertex_tear_down),
      cmocka_unit_test_setup_teardown(encode__own_fields__never_leave,
                                      vertex_set_up, vertex_tear_down),
      cmocka_unit_test_setup_teardown(
          encode__each_own_field_alone__empty_object, vertex_set_up,
          vertex_tear_down),
      cmocka_unit_test_setup_teardown(decode__own_fields__noted_and_left_out,
                                      vertex_set_up, vertex_tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
