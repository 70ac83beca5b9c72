#include "crpc/metadata.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"

struct crpc_metadata_node {
  struct crpc_metadata_node *next;
  const char *key;
  const char *value;
  size_t size;
};

bool crpc_metadata_is_binary(const char *key, size_t size) {
  return size > 4 && memcmp(key + size - 4, "-bin", 4) == 0;
}

/* Keys that mean something to HTTP/2 or to the core itself. */
static bool is_reserved(const char *key) {
  static const char *const reserved[] = {
      "te",         "content-type",      "content-length", "host",
      "connection", "transfer-encoding", "keep-alive",     "upgrade"};

  if (strncmp(key, "grpc-", 5) == 0) {
    return strcmp(key, "grpc-retry-pushback-ms") != 0;
  }
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    if (strcmp(key, reserved[i]) == 0) return true;
  }
  return false;
}

static bool is_legal(const char *key, const void *value, size_t size) {
  grpc_slice name = grpc_slice_from_static_string(key);

  if (is_reserved(key) || !grpc_header_key_is_legal(name)) return false;
  if (crpc_metadata_is_binary(key, strlen(key))) return true;
  return grpc_header_nonbin_value_is_legal(
             grpc_slice_from_static_buffer(value, size)) != 0;
}

bool crpc_metadata_add(struct crpc_metadata *list, struct cb_arena *arena,
                       const char *key, const void *value, size_t size) {
  struct crpc_metadata_node *node;

  if (!arena || list->count == CRPC_METADATA_PAIRS) return false;
  if (!is_legal(key, value, size)) return false;
  node = cb_arena_zalloc(arena, 1, sizeof *node);
  if (!node) return false;
  node->key = cb_arena_strdup(arena, key);
  node->value = cb_arena_memdup(arena, value, size);
  node->size = size;
  if (!node->key || !node->value) return false;
  if (list->last) {
    list->last->next = node;
  } else {
    list->first = node;
  }
  list->last = node;
  list->count++;
  return true;
}

void crpc_metadata_fill(const struct crpc_metadata *list, size_t more,
                        struct cb_arena *arena,
                        struct crpc_metadata_array *ret_array) {
  size_t room = list->count + more;

  *ret_array = (struct crpc_metadata_array){0};
  if (!arena || room == 0) return;
  ret_array->pairs = cb_arena_zalloc(arena, room, sizeof(grpc_metadata));
  if (!ret_array->pairs) return;
  ret_array->room = room;
  for (struct crpc_metadata_node *at = list->first; at; at = at->next) {
    grpc_metadata *pair = &ret_array->pairs[ret_array->count++];

    pair->key = grpc_slice_from_copied_string(at->key);
    pair->value = grpc_slice_from_copied_buffer(at->value, at->size);
  }
}

void crpc_metadata_push(struct crpc_metadata_array *array, const char *key,
                        grpc_slice value) {
  if (array->count == array->room) {
    grpc_slice_unref(value);
    return;
  }
  array->pairs[array->count++] = (grpc_metadata){
      .key = grpc_slice_from_static_string(key), .value = value};
}

void crpc_metadata_unref(struct crpc_metadata_array *array) {
  for (size_t i = 0; i < array->count; i++) {
    grpc_slice_unref(array->pairs[i].key);
    grpc_slice_unref(array->pairs[i].value);
  }
  array->count = 0;
}

const grpc_slice *crpc_metadata_find(const grpc_metadata_array *array,
                                     const char *key) {
  for (size_t i = array->count; i-- > 0;) {
    if (grpc_slice_str_cmp(array->metadata[i].key, key) == 0) {
      return &array->metadata[i].value;
    }
  }
  return NULL;
}

char *crpc_slice_text(grpc_slice slice, struct cb_arena *arena) {
  return cb_arena_memdup(arena, GRPC_SLICE_START_PTR(slice),
                         GRPC_SLICE_LENGTH(slice));
}

static char *base64_text(grpc_slice slice, struct cb_arena *arena) {
  size_t size = cb_base64_encoded_size(GRPC_SLICE_LENGTH(slice));
  char *text = cb_arena_alloc(arena, size + 1);

  if (!text) return NULL;
  cb_base64_encode(GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice), text);
  text[size] = '\0';
  return text;
}

size_t crpc_metadata_pairs(const grpc_metadata_array *array,
                           struct cb_arena *arena,
                           const struct cb_pair **ret_pairs) {
  struct cb_pair *pairs = cb_arena_zalloc(arena, array->count, sizeof *pairs);
  size_t count = 0;

  *ret_pairs = pairs;
  if (!pairs) return 0;
  for (; count < array->count; count++) {
    const grpc_metadata *pair = &array->metadata[count];
    char *key = crpc_slice_text(pair->key, arena);
    char *value;

    if (!key) break;
    value = crpc_metadata_is_binary(key, GRPC_SLICE_LENGTH(pair->key))
                ? base64_text(pair->value, arena)
                : crpc_slice_text(pair->value, arena);
    if (!value) break;
    pairs[count] = (struct cb_pair){key, value};
  }
  return count;
}
