#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/subject.h"
#include "service/vertex/credentials/token_answer.h"

#define WHAT "the subject token's URL"

/* The URL is often a machine's own metadata server: http, at a link-local
 * address, so that no rule of https holds. It is never asked by a proxy. */
struct subject_url {
  struct vtx_http_source http;
  struct vtx_subject_format format;
  char *url;
  struct cb_pair headers[VTX_TOKEN_REQUEST_HEADERS];
  size_t header_count;
};

static void on_answer(void *ctx, const struct vtx_token_answer *answer) {
  struct subject_url *self = ctx;

  vtx_http_source_ended(&self->http);
  if (answer->status.code == CB_OK) {
    vtx_subject_deliver(&self->format, self->http.sink, WHAT, answer->text);
  } else {
    vtx_token_deliver_failure(self->http.sink, &answer->status);
  }
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct subject_url *self = (struct subject_url *)(void *)source;
  const struct vtx_token_request_spec spec = {
      .what = WHAT,
      .method = "GET",
      .url = self->url,
      .headers = self->headers,
      .header_count = self->header_count,
      .direct = true,
  };

  self->http.sink = sink;
  vtx_http_source_ask(&self->http, &spec, on_answer);
}

static void free_url(struct vtx_token_source *source) {
  struct subject_url *self = (struct subject_url *)(void *)source;

  vtx_http_source_cancel(source);
  for (size_t i = 0; i < self->header_count; i++) {
    free((char *)(uintptr_t)self->headers[i].key);
    vtx_credential_wipe((char *)(uintptr_t)self->headers[i].value);
  }
  vtx_subject_format_release(&self->format);
  free(self->url);
  free(self);
}

static const struct vtx_token_source_type url_type = {
    .fetch = fetch,
    .cancel = vtx_http_source_cancel,
    .free = free_url,
};

static bool is_header_value(const char *text) {
  for (; *text; text++) {
    if (*text < ' ' || *text > '~') return false;
  }
  return true;
}

static bool add_header(struct subject_url *self, const char *key,
                       const char *value) {
  char *own_key;
  char *own_value;

  if (self->header_count == VTX_TOKEN_REQUEST_HEADERS || !value ||
      !vtx_credential_text_ok(key) || strchr(key, ':') ||
      !is_header_value(value)) {
    return false;
  }
  own_key = strdup(key);
  own_value = strdup(value);
  if (!own_key || !own_value) {
    free(own_key);
    vtx_credential_wipe(own_value);
    return false;
  }
  self->headers[self->header_count++] = (struct cb_pair){own_key, own_value};
  return true;
}

static bool add_headers(struct subject_url *self,
                        const struct json_object *source) {
  const struct json_object *headers = vtx_secret_json_object(source, "headers");
  bool good = true;

  if (!headers) return true;
  json_object_object_foreach(headers, key, value) {
    (void)value;
    good = good && add_header(self, key, vtx_secret_json_text(headers, key));
  }
  return good;
}

static bool is_http(const char *url) {
  return vtx_credential_text_ok(url) && (strncasecmp(url, "http://", 7) == 0 ||
                                         strncasecmp(url, "https://", 8) == 0);
}

struct vtx_token_source *vtx_subject_url_new(
    const struct vtx_token_place *place, const struct json_object *source,
    const char **ret_why) {
  const char *url = vtx_secret_json_text(source, "url");
  struct subject_url *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->http.source.type = &url_type;
  self->http.place = place;
  self->url = strdup(url);
  if (self->url && vtx_subject_format_read(&self->format, source, ret_why)) {
    *ret_why = "has a credential_source whose url or headers cannot be sent";
    if (is_http(url) && add_headers(self, source)) return &self->http.source;
  }
  free_url(&self->http.source);
  return NULL;
}
