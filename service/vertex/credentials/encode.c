#include "service/vertex/credentials/encode.h"

#include <ctype.h>
#include <string.h>

#include "base/base64.h"
#include "service/vertex/credentials/secret.h"

static void percent(struct cb_buf *buf, unsigned char c) {
  static const char digits[] = "0123456789ABCDEF";

  cb_buf_add_char(buf, '%');
  cb_buf_add_char(buf, digits[c >> 4]);
  cb_buf_add_char(buf, digits[c & 15]);
}

static void add(struct cb_buf *buf, const char *text, const char *safe,
                char blank) {
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;

    if (c == ' ' && blank) {
      cb_buf_add_char(buf, blank);
    } else if (c < 0x80 &&
               (isalnum(c) || strchr("_.-~", c) || strchr(safe, c))) {
      cb_buf_add_char(buf, (char)c);
    } else {
      percent(buf, c);
    }
  }
}

void vtx_encode_percent(struct cb_buf *buf, const char *text,
                        const char *safe) {
  add(buf, text, safe, '\0');
}

void vtx_encode_field(struct cb_buf *buf, const char *key, const char *value) {
  if (!value) return;
  if (buf->len > 0) cb_buf_add_char(buf, '&');
  add(buf, key, "", '+');
  cb_buf_add_char(buf, '=');
  add(buf, value, "", '+');
}

static void add_base64(struct cb_buf *buf, const void *data, size_t size) {
  char *out = cb_buf_reserve(buf, cb_base64_encoded_size(size));

  if (!out) return;
  cb_base64_encode(data, size, out);
  cb_buf_grow(buf, cb_base64_encoded_size(size));
}

void vtx_encode_base64url(struct cb_buf *buf, const void *data, size_t size) {
  size_t start = buf->len;

  add_base64(buf, data, size);
  if (buf->failed) return;
  for (size_t i = start; i < buf->len; i++) {
    if (buf->data[i] == '+') buf->data[i] = '-';
    if (buf->data[i] == '/') buf->data[i] = '_';
  }
  while (buf->len > start && buf->data[buf->len - 1] == '=') {
    buf->data[--buf->len] = '\0';
  }
}

void vtx_encode_hex(struct cb_buf *buf, const uint8_t *data, size_t size) {
  static const char digits[] = "0123456789abcdef";

  for (size_t i = 0; i < size; i++) {
    cb_buf_add_char(buf, digits[data[i] >> 4]);
    cb_buf_add_char(buf, digits[data[i] & 15]);
  }
}

void vtx_encode_basic(struct cb_buf *buf, const char *id, const char *secret) {
  struct cb_buf pair;

  vtx_secret_buf_init(&pair);
  cb_buf_add_text(&pair, id);
  cb_buf_add_char(&pair, ':');
  cb_buf_add_text(&pair, secret);
  cb_buf_add_text(buf, "Basic ");
  if (pair.failed) {
    buf->failed = true;
  } else {
    add_base64(buf, pair.data, pair.len);
  }
  vtx_secret_buf_release(&pair);
}
