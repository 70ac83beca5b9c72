#include "service/vertex/credentials/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/vertex/credential_internal.h"

#define MOST_LEVELS 12

void vtx_secret_buf_init(struct cb_buf *buf) {
  cb_buf_init(buf, VTX_SECRET_BYTES, NULL);
  cb_buf_reserve(buf, VTX_SECRET_BYTES);
}

void vtx_secret_buf_release(struct cb_buf *buf) {
  if (buf->data) explicit_bzero(buf->data, buf->room);
  cb_buf_release(buf);
}

static void wipe(struct json_object *object) {
  const char *text;

  if (json_object_is_type(object, json_type_object)) {
    json_object_object_foreach(object, key, value) {
      (void)key;
      wipe(value);
    }
  } else if (json_object_is_type(object, json_type_array)) {
    for (size_t i = 0; i < json_object_array_length(object); i++) {
      wipe(json_object_array_get_idx(object, i));
    }
  } else if (json_object_is_type(object, json_type_string)) {
    text = json_object_get_string(object); /* the object's own bytes */
    explicit_bzero((char *)(uintptr_t)text,
                   (size_t)json_object_get_string_len(object));
  }
}

/* A tokener whose buffer has room for any part of a text of that size: one that
 * grows while a string is read (json-c gathers those with escapes in it, as
 * private keys have) moves, and leaves what it held behind. */
static struct json_tokener *new_tokener(size_t size) {
  struct json_tokener *tokener = json_tokener_new_ex(MOST_LEVELS);

  if (!tokener) return NULL;
  if (printbuf_memset(tokener->pb, 0, 0, (int)size + 2) < 0) {
    json_tokener_free(tokener);
    return NULL;
  }
  printbuf_reset(tokener->pb);
  return tokener;
}

/* Wipes the buffer, and what a text that was no JSON left half read. */
static void free_tokener(struct json_tokener *tokener) {
  for (int i = 0; i <= tokener->depth; i++)
    wipe(tokener->stack[i].current);
  explicit_bzero(tokener->pb->buf, (size_t)tokener->pb->size);
  json_tokener_free(tokener);
}

struct json_object *vtx_secret_json(const char *text, size_t size) {
  struct json_tokener *tokener = NULL;
  struct json_object *object = NULL;
  size_t end;
  bool whole;

  if (size > VTX_SECRET_BYTES) return NULL;
  tokener = new_tokener(size);
  if (!tokener) return NULL;
  object = json_tokener_parse_ex(tokener, text, (int)size);
  end = json_tokener_get_parse_end(tokener);
  while (end < size && strchr(" \t\r\n", text[end]))
    end++;
  whole = object && end == size;
  free_tokener(tokener);
  if (whole && json_object_is_type(object, json_type_object)) return object;
  vtx_secret_json_free(object);
  return NULL;
}

void vtx_secret_json_free(struct json_object *object) {
  wipe(object);
  json_object_put(object);
}

const char *vtx_secret_json_text(const struct json_object *object,
                                 const char *key) {
  struct json_object *value = NULL;
  const char *text;

  if (!json_object_object_get_ex(object, key, &value) ||
      !json_object_is_type(value, json_type_string)) {
    return NULL;
  }
  text = json_object_get_string(value);
  if (strlen(text) != (size_t)json_object_get_string_len(value)) return NULL;
  return text[0] ? text : NULL;
}

struct json_object *vtx_secret_json_object(const struct json_object *object,
                                           const char *key) {
  struct json_object *value = NULL;

  if (!json_object_object_get_ex(object, key, &value) ||
      !json_object_is_type(value, json_type_object)) {
    return NULL;
  }
  return value;
}

static const char *trouble_of(const char *bytes, ssize_t size) {
  if (size < 0) return "cannot be read";
  if ((size_t)size > VTX_SECRET_BYTES) return "is larger than 64 KiB";
  return memchr(bytes, '\0', (size_t)size) ? "holds a NUL character" : NULL;
}

char *vtx_secret_file(const char *path, const char **ret_why) {
  /* NONBLOCK: a FIFO must not stop who reads. */
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat seen;
  char *bytes = NULL;
  ssize_t size;

  *ret_why = errno == ENOENT ? "does not exist" : "cannot be opened";
  if (file < 0) return NULL;
  *ret_why = "is no regular file";
  if (fstat(file, &seen) == 0 && S_ISREG(seen.st_mode)) {
    *ret_why = "cannot be read: out of memory";
    bytes = calloc(1, VTX_SECRET_BYTES + 2);
  }
  if (bytes) {
    size = vtx_credential_read(file, bytes, VTX_SECRET_BYTES + 1);
    *ret_why = trouble_of(bytes, size);
    if (*ret_why) {
      explicit_bzero(bytes, VTX_SECRET_BYTES + 2);
      free(bytes);
      bytes = NULL;
    }
  }
  close(file);
  return bytes;
}
