#include "service/vertex/merge.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "service/vertex/codec_internal.h"

#define RATING vertexd__v1__safety_rating__descriptor
#define MODALITY_COUNT vertexd__v1__modality_token_count__descriptor

ProtobufCMessage *vtx_merge_new(const ProtobufCMessageDescriptor *type,
                                struct cb_arena *arena) {
  ProtobufCMessage *message = cb_arena_alloc(arena, type->sizeof_message);

  if (message) protobuf_c_message_init(type, message);
  return message;
}

ProtobufCMessage *vtx_merge_copy(const ProtobufCMessage *from,
                                 struct cb_arena *arena) {
  ProtobufCMessage *copy = vtx_merge_new(from->descriptor, arena);

  return copy && vtx_merge(copy, from, NULL, arena) ? copy : NULL;
}

/* --- lists --------------------------------------------------------------- */

/* Room for one more of count elements of size step; it has room for as many as
 * the power of two that is not below count. */
static char *make_room(void *list, size_t count, size_t step,
                       struct cb_arena *arena) {
  bool is_full = (count & (count - 1)) == 0; /* also when it is empty */
  char *more;

  if (!is_full) return list;
  more = cb_arena_zalloc(arena, count > 0 ? 2 * count : 1, step);
  if (more && count > 0) memcpy(more, list, count * step);
  return more;
}

bool vtx_merge_append(void *list, size_t *count, void *element,
                      struct cb_arena *arena) {
  void **elements = *(void ***)list;

  elements =
      (void **)(void *)make_room(elements, *count, sizeof *elements, arena);
  if (!elements) return false;
  elements[*count] = element;
  *(void ***)list = elements;
  (*count)++;
  return true;
}

/* --- values -------------------------------------------------------------- */

static bool same_text(const char *one, const char *two) {
  return one && strcmp(one, two) == 0;
}

/* Copies a text, unless it is what is there: ids and names come again with
 * each message of a stream. */
static bool take_text(char **slot, const char *text, struct cb_arena *arena) {
  char *copy;

  if (same_text(*slot, text)) return true;
  copy = cb_arena_strdup(arena, text);
  if (!copy) return false;
  *slot = copy;
  return true;
}

static bool take_bytes(ProtobufCBinaryData *slot,
                       const ProtobufCBinaryData *bytes,
                       struct cb_arena *arena) {
  void *copy;

  if (bytes->len > 0 && slot->len == bytes->len &&
      memcmp(slot->data, bytes->data, bytes->len) == 0) {
    return true;
  }
  copy = cb_arena_memdup(arena, bytes->len > 0 ? (const char *)bytes->data : "",
                         bytes->len);
  if (!copy) return false;
  slot->data = copy;
  slot->len = bytes->len;
  return true;
}

static bool take_message(ProtobufCMessage **slot, const ProtobufCMessage *from,
                         struct cb_arena *arena) {
  ProtobufCMessage *copy;

  if (*slot) return vtx_merge(*slot, from, NULL, arena);
  copy = vtx_merge_copy(from, arena);
  if (copy) *slot = copy;
  return copy != NULL;
}

/* One value, or one element of a list. */
static bool take_value(const ProtobufCFieldDescriptor *field, void *slot,
                       const void *from, struct cb_arena *arena) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
      return take_text(slot, *(char *const *)from, arena);
    case PROTOBUF_C_TYPE_BYTES:
      return take_bytes(slot, from, arena);
    case PROTOBUF_C_TYPE_MESSAGE:
      return take_message(slot, *(ProtobufCMessage *const *)from, arena);
    default:
      memcpy(slot, from, vtx_codec_element_size(field->type));
      return true;
  }
}

/* --- fields -------------------------------------------------------------- */

static bool append_one(ProtobufCMessage *into,
                       const ProtobufCFieldDescriptor *field, const void *from,
                       struct cb_arena *arena) {
  size_t step = vtx_codec_element_size(field->type);
  size_t count = vtx_codec_count(into, field);
  void *list = *(void **)vtx_codec_slot(into, field);
  char *elements = make_room(list, count, step, arena);

  if (!elements) return false;
  memset(elements + count * step, 0, step);
  vtx_codec_set_list(into, field, elements, count);
  if (!take_value(field, elements + count * step, from, arena)) return false;
  vtx_codec_set_list(into, field, elements, count + 1);
  return true;
}

/* The rating of that category, NULL if there is none yet. */
static Vertexd__V1__SafetyRating *find_rating(
    Vertexd__V1__SafetyRating *const *ratings, size_t count,
    Vertexd__V1__HarmCategory category) {
  for (size_t i = 0; i < count; i++) {
    if (ratings[i]->category == category) return ratings[i];
  }
  return NULL;
}

/* A later rating replaces that of its category; of one that the contract has
 * no number for, all are kept. */
static bool take_rating(ProtobufCMessage *into,
                        const ProtobufCFieldDescriptor *field, const void *from,
                        struct cb_arena *arena) {
  const Vertexd__V1__SafetyRating *latest =
      *(Vertexd__V1__SafetyRating *const *)from;
  Vertexd__V1__SafetyRating *known =
      latest->category == 0
          ? NULL
          : find_rating(
                *(Vertexd__V1__SafetyRating ***)vtx_codec_slot(into, field),
                vtx_codec_count(into, field), latest->category);

  if (!known) return append_one(into, field, from, arena);
  protobuf_c_message_init(&RATING, known);
  return vtx_merge(&known->base, &latest->base, NULL, arena);
}

static bool take_list(ProtobufCMessage *into, const ProtobufCMessage *from,
                      const ProtobufCFieldDescriptor *field,
                      struct cb_arena *arena) {
  size_t step = vtx_codec_element_size(field->type);
  size_t count = vtx_codec_count(from, field);
  const char *elements = *(char *const *)vtx_codec_at(from, field);
  bool ratings = field->descriptor == &RATING;
  bool good = true;

  for (size_t i = 0; i < count && good; i++) {
    good = ratings ? take_rating(into, field, elements + i * step, arena)
                   : append_one(into, field, elements + i * step, arena);
  }
  return good;
}

static bool take_single(ProtobufCMessage *into, const ProtobufCMessage *from,
                        const ProtobufCFieldDescriptor *field,
                        struct cb_arena *arena) {
  void *slot = vtx_codec_slot(into, field);

  if (vtx_codec_in_oneof(field) &&
      vtx_codec_oneof_case(into, field) != field->id) {
    vtx_codec_set_case(into, field);
    memset(slot, 0, vtx_codec_element_size(field->type));
  }
  return take_value(field, slot, vtx_codec_at(from, field), arena);
}

static bool is_skipped(const struct vtx_codec_skip *skip, const char *name) {
  for (size_t i = 0; skip && i < skip->count; i++) {
    if (strcmp(skip->names[i], name) == 0) return true;
  }
  return false;
}

bool vtx_merge(ProtobufCMessage *into, const ProtobufCMessage *from,
               const struct vtx_codec_skip *skip, struct cb_arena *arena) {
  const ProtobufCMessageDescriptor *type = from->descriptor;
  bool good = true;

  assert(into->descriptor == type);
  for (unsigned i = 0; i < type->n_fields && good; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];

    if (!vtx_codec_has(from, field) || vtx_codec_is_own(field) ||
        is_skipped(skip, field->name)) {
      continue;
    }
    good = vtx_codec_is_repeated(field) ? take_list(into, from, field, arena)
                                        : take_single(into, from, field, arena);
  }
  return good;
}

/* --- usage --------------------------------------------------------------- */

int32_t vtx_usage_sum(int32_t one, int32_t two) {
  int64_t sum = (int64_t)one + two;

  return sum > INT32_MAX   ? INT32_MAX
         : sum < INT32_MIN ? INT32_MIN
                           : (int32_t)sum;
}

/* The counter of that kind of content, made if need be; NULL when full. */
static Vertexd__V1__ModalityTokenCount *counter_of(
    ProtobufCMessage *into, const ProtobufCFieldDescriptor *field,
    Vertexd__V1__Modality modality, struct cb_arena *arena) {
  Vertexd__V1__ModalityTokenCount ***list = vtx_codec_slot(into, field);
  size_t count = vtx_codec_count(into, field);
  Vertexd__V1__ModalityTokenCount *counter;

  for (size_t i = 0; i < count; i++) {
    if ((*list)[i]->modality == modality) return (*list)[i];
  }
  counter = cb_arena_alloc(arena, sizeof *counter);
  if (!counter) return NULL;
  vertexd__v1__modality_token_count__init(counter);
  counter->modality = modality;
  if (!vtx_merge_append(list, &count, counter, arena)) return NULL;
  vtx_codec_set_list(into, field, *list, count);
  return counter;
}

static bool take_details(ProtobufCMessage *into, const ProtobufCMessage *from,
                         const ProtobufCFieldDescriptor *field, bool adding,
                         struct cb_arena *arena) {
  Vertexd__V1__ModalityTokenCount *const *list = *(
      Vertexd__V1__ModalityTokenCount *const *const *)vtx_codec_at(from, field);
  size_t count = vtx_codec_count(from, field);

  for (size_t i = 0; i < count; i++) {
    Vertexd__V1__ModalityTokenCount *counter =
        counter_of(into, field, list[i]->modality, arena);

    if (!counter) return false;
    counter->token_count =
        adding ? vtx_usage_sum(counter->token_count, list[i]->token_count)
               : list[i]->token_count;
  }
  return true;
}

static bool is_counter(const ProtobufCFieldDescriptor *field) {
  size_t length = strlen(field->name);

  return field->type == PROTOBUF_C_TYPE_INT32 && length > 6 &&
         strcmp(field->name + length - 6, "_count") == 0;
}

static bool take_usage(vtx_usage_message *into, const vtx_usage_message *from,
                       bool adding, struct cb_arena *arena) {
  const ProtobufCMessageDescriptor *type = from->base.descriptor;
  bool good = true;

  for (unsigned i = 0; i < type->n_fields && good; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];
    int32_t *counter = vtx_codec_slot(&into->base, field);

    if (!vtx_codec_has(&from->base, field)) continue;
    if (field->descriptor == &MODALITY_COUNT && vtx_codec_is_repeated(field)) {
      good = take_details(&into->base, &from->base, field, adding, arena);
    } else if (vtx_codec_is_repeated(field)) {
      good = take_list(&into->base, &from->base, field, arena);
    } else if (adding && is_counter(field)) {
      if (vtx_codec_in_oneof(field)) vtx_codec_set_case(&into->base, field);
      *counter = vtx_usage_sum(
          *counter, *(const int32_t *)vtx_codec_at(&from->base, field));
    } else {
      good = take_single(&into->base, &from->base, field, arena);
    }
  }
  return good;
}

bool vtx_usage_latest(vtx_usage_message *into, const vtx_usage_message *from,
                      struct cb_arena *arena) {
  return take_usage(into, from, false, arena);
}

bool vtx_usage_add(vtx_usage_message *into, const vtx_usage_message *from,
                   struct cb_arena *arena) {
  return take_usage(into, from, true, arena);
}
