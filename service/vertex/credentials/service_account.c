#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/encode.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/jwt.h"
#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define STATED_LIFE 3600 /* seconds; Google takes no more */
#define BACKDATED 10     /* for clocks that go a little ahead */

struct service_account {
  struct vtx_http_source http;
  struct vtx_jwt_key *key;
  char *key_id; /* NULL: none */
  char *email;
  char *token_url;
  const char *scope;
};

static bool self_signed(const struct vtx_token_place *place) {
  return place->self_signed || strcmp(place->universe, "googleapis.com") != 0;
}

/* Grants name Google's endpoint as audience, whichever is asked; statements
 * that are tokens themselves have a scope and no audience. */
static bool make_statement(const struct service_account *self, bool grant,
                           struct cb_buf *buf) {
  int64_t from = self->http.place->unix_time() - BACKDATED;
  const struct vtx_jwt_claims claims = {
      .key_id = self->key_id,
      .issuer = self->email,
      .subject = grant ? NULL : self->email,
      .audience = grant ? VTX_TOKEN_URL : NULL,
      .scope = self->scope,
      .issued_at = from,
      .expires_at = from + STATED_LIFE,
      .subject_first = !grant,
  };

  return vtx_jwt_make(self->key, &claims, buf);
}

static void ask(struct service_account *self, const char *statement) {
  struct vtx_token_request_spec spec = {.what = "the token endpoint",
                                        .url = self->token_url};
  struct cb_buf form;

  vtx_secret_buf_init(&form);
  vtx_encode_field(&form, "assertion", statement);
  vtx_encode_field(&form, "grant_type", GRANT);
  spec.body = form.data;
  vtx_http_source_ask(&self->http, &spec, vtx_http_source_token);
  vtx_secret_buf_release(&form);
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct service_account *self = (struct service_account *)(void *)source;
  bool grant = !self_signed(self->http.place);
  struct vtx_token_failure failure;
  struct vtx_token_result own = {.status = cb_status_ok()};
  struct cb_buf statement;

  self->http.sink = sink;
  vtx_secret_buf_init(&statement);
  if (!make_statement(self, grant, &statement)) {
    vtx_token_fail(&failure, true, "the service account's key does not sign");
    vtx_token_deliver_failure(sink, &failure.status);
  } else if (grant) {
    ask(self, statement.data);
  } else {
    own.token = statement.data;
    own.lifetime = (STATED_LIFE - BACKDATED) * CB_SECOND;
    sink.done(sink.ctx, &own);
  }
  vtx_secret_buf_release(&statement);
}

static void free_account(struct vtx_token_source *source) {
  struct service_account *self = (struct service_account *)(void *)source;

  vtx_http_source_cancel(source);
  vtx_jwt_key_free(self->key);
  free(self->key_id);
  free(self->email);
  free(self->token_url);
  free(self);
}

static const struct vtx_token_source_type account_type = {
    .fetch = fetch,
    .cancel = vtx_http_source_cancel,
    .free = free_account,
};

/* What is wrong with the file's texts; NULL if nothing is. */
static const char *trouble_with(const char *email, const char *key_id,
                                const char *url) {
  if (!email) return "has no client_email";
  if (!vtx_jwt_text_ok(email)) return "has a client_email that cannot be one";
  if (key_id && !vtx_jwt_text_ok(key_id)) {
    return "has a private_key_id that cannot be one";
  }
  if (!vtx_token_url_ok(url)) {
    return "has a token_uri that is neither https nor on this machine";
  }
  return NULL;
}

static bool fill_in(struct service_account *self,
                    const struct json_object *file, const char **ret_why) {
  const char *email = vtx_secret_json_text(file, "client_email");
  const char *key_id = vtx_secret_json_text(file, "private_key_id");
  const char *url = vtx_secret_json_text(file, "token_uri");
  const char *pem = vtx_secret_json_text(file, "private_key");

  if (!url) url = VTX_TOKEN_URL;
  *ret_why = trouble_with(email, key_id, url);
  if (!pem) *ret_why = "has no private_key";
  if (*ret_why) return false;
  *ret_why = "has a private_key that is no RSA key in PEM form";
  self->key = vtx_jwt_key_new(pem);
  if (!self->key) return false;
  *ret_why = "could not be read: out of memory";
  self->email = strdup(email);
  self->token_url = strdup(url);
  if (key_id) self->key_id = strdup(key_id);
  return self->email && self->token_url && (!key_id || self->key_id);
}

struct vtx_token_source *vtx_service_account_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char *scope, const char **ret_why) {
  struct service_account *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->http.source.type = &account_type;
  self->http.place = place;
  self->scope = scope;
  if (fill_in(self, file, ret_why)) return &self->http.source;
  free_account(&self->http.source);
  return NULL;
}
