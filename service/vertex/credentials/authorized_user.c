/* Both kinds of users who logged in: their refresh token is exchanged for an
 * access token. gcloud's kind proves the client in the form, a workforce's in
 * a header; the latter may be given a new refresh token each time. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/encode.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

struct user {
  struct vtx_http_source http;
  bool workforce;
  char *url;
  char *client_id;
  char *client_secret;
  char *refresh_token;
};

static void take_refresh_token(struct user *self,
                               const struct vtx_token_answer *answer) {
  struct json_object *object = vtx_secret_json(answer->text, answer->size);
  const char *text =
      object ? vtx_secret_json_text(object, "refresh_token") : NULL;
  char *newer = text ? strdup(text) : NULL;

  if (newer) {
    vtx_credential_wipe(self->refresh_token);
    self->refresh_token = newer;
  }
  vtx_secret_json_free(object);
}

static void on_answer(void *ctx, const struct vtx_token_answer *answer) {
  struct user *self = ctx;

  if (self->workforce && answer->status.code == CB_OK) {
    take_refresh_token(self, answer);
  }
  vtx_http_source_token(&self->http, answer);
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct user *self = (struct user *)(void *)source;
  struct cb_pair header = {"Authorization", NULL};
  struct vtx_token_request_spec spec = {.what = "the token endpoint",
                                        .url = self->url};
  struct cb_buf basic;
  struct cb_buf form;

  self->http.sink = sink;
  vtx_secret_buf_init(&basic);
  vtx_secret_buf_init(&form);
  vtx_encode_field(&form, "grant_type", "refresh_token");
  if (self->workforce) {
    vtx_encode_basic(&basic, self->client_id, self->client_secret);
    header.value = basic.data;
    spec.headers = &header;
    spec.header_count = 1;
  } else {
    vtx_encode_field(&form, "client_id", self->client_id);
    vtx_encode_field(&form, "client_secret", self->client_secret);
  }
  vtx_encode_field(&form, "refresh_token", self->refresh_token);
  spec.body = form.data;
  if (form.failed || basic.failed) {
    vtx_token_deliver_no_memory(sink, spec.what);
  } else {
    vtx_http_source_ask(&self->http, &spec, on_answer);
  }
  vtx_secret_buf_release(&basic);
  vtx_secret_buf_release(&form);
}

static void free_user(struct vtx_token_source *source) {
  struct user *self = (struct user *)(void *)source;

  vtx_http_source_cancel(source);
  free(self->url);
  free(self->client_id);
  vtx_credential_wipe(self->client_secret);
  vtx_credential_wipe(self->refresh_token);
  free(self);
}

static const struct vtx_token_source_type user_type = {
    .fetch = fetch,
    .cancel = vtx_http_source_cancel,
    .free = free_user,
};

static bool fill_in(struct user *self, const struct json_object *file,
                    const char *url, const char **ret_why) {
  const char *id = vtx_secret_json_text(file, "client_id");
  const char *secret = vtx_secret_json_text(file, "client_secret");
  const char *token = vtx_secret_json_text(file, "refresh_token");

  *ret_why = !id       ? "has no client_id"
             : !secret ? "has no client_secret"
             : !token  ? "has no refresh_token"
             : !vtx_token_url_ok(url)
                 ? "has a token_url that is neither https nor on this machine"
                 : NULL;
  if (*ret_why) return false;
  *ret_why = "could not be read: out of memory";
  self->url = strdup(url);
  self->client_id = strdup(id);
  self->client_secret = strdup(secret);
  self->refresh_token = strdup(token);
  return self->url && self->client_id && self->client_secret &&
         self->refresh_token;
}

static struct vtx_token_source *make(const struct vtx_token_place *place,
                                     const struct json_object *file,
                                     const char *url, const char **ret_why) {
  struct user *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->http.source.type = &user_type;
  self->http.place = place;
  if (fill_in(self, file, url, ret_why)) return &self->http.source;
  free_user(&self->http.source);
  return NULL;
}

struct vtx_token_source *vtx_authorized_user_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  return make(place, file, place->token_url ? place->token_url : VTX_TOKEN_URL,
              ret_why);
}

struct vtx_token_source *vtx_workforce_user_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  const char *url = vtx_secret_json_text(file, "token_url");
  struct vtx_token_source *source =
      make(place, file, url ? url : VTX_STS_URL, ret_why);

  if (source) ((struct user *)(void *)source)->workforce = true;
  return source;
}
