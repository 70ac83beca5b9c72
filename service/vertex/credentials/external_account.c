/* A subject token, exchanged at the security token service for a token of
 * Google's, with which, if the file says so, an account is spoken for. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/encode.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/impersonate.h"
#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/subject.h"
#include "service/vertex/credentials/token_answer.h"

#define GRANT "urn:ietf:params:oauth:grant-type:token-exchange"
#define WANTED "urn:ietf:params:oauth:token-type:access_token"
#define WHAT "the security token service"

struct external_account {
  struct vtx_http_source http;
  struct vtx_token_source *subject;
  struct vtx_impersonate step; /* url NULL: not asked for */
  char *audience;
  char *subject_type;
  char *url;
  char *client_id;     /* both or none */
  char *client_secret; /* NULL: none */
  char *user_project;  /* NULL: none */
};

static void on_exchanged(void *ctx, const struct vtx_token_result *result) {
  struct external_account *self = ctx;

  if (result->status.code != CB_OK) {
    vtx_token_deliver_failure(self->http.sink, &result->status);
    return;
  }
  vtx_impersonate_ask(&self->step, &self->http, result->token);
}

static void on_answer(void *ctx, const struct vtx_token_answer *answer) {
  struct external_account *self = ctx;
  struct vtx_token_sink sink = self->http.sink;

  vtx_http_source_ended(&self->http);
  if (self->step.url) sink = (struct vtx_token_sink){on_exchanged, self};
  if (answer->status.code == CB_OK) {
    vtx_token_deliver(sink, WHAT, answer->text, answer->size);
  } else {
    vtx_token_deliver_failure(sink, &answer->status);
  }
}

static void add_options(const struct external_account *self,
                        struct cb_buf *form) {
  struct cb_buf json;
  struct cb_buf options;

  if (!self->user_project || self->client_id) return;
  cb_buf_init(&json, 1024, NULL);
  cb_buf_init(&options, 4096, NULL);
  cb_buf_printf(&json, "{\"userProject\": \"%s\"}", self->user_project);
  if (!json.failed) vtx_encode_percent(&options, json.data, "");
  vtx_encode_field(form, "options", options.data);
  if (json.failed || options.failed) form->failed = true;
  cb_buf_release(&json);
  cb_buf_release(&options);
}

static void write_form(const struct external_account *self, const char *token,
                       struct cb_buf *form) {
  vtx_encode_field(form, "grant_type", GRANT);
  vtx_encode_field(form, "audience", self->audience);
  vtx_encode_field(form, "scope",
                   self->step.url ? VTX_SCOPE_IAM : VTX_SCOPE_CLOUD);
  vtx_encode_field(form, "requested_token_type", WANTED);
  vtx_encode_field(form, "subject_token", token);
  vtx_encode_field(form, "subject_token_type", self->subject_type);
  add_options(self, form);
}

static void exchange(struct external_account *self, const char *token) {
  struct cb_pair header = {"Authorization", NULL};
  struct vtx_token_request_spec spec = {.what = WHAT, .url = self->url};
  struct cb_buf basic;
  struct cb_buf form;

  vtx_secret_buf_init(&basic);
  vtx_secret_buf_init(&form);
  write_form(self, token, &form);
  if (self->client_id) {
    vtx_encode_basic(&basic, self->client_id, self->client_secret);
    header.value = basic.data;
    spec.headers = &header;
    spec.header_count = 1;
  }
  spec.body = form.data;
  if (form.failed || basic.failed) {
    struct vtx_token_failure failure;

    vtx_token_fail(&failure, true, "the subject token is too large");
    vtx_token_deliver_failure(self->http.sink, &failure.status);
  } else {
    vtx_http_source_ask(&self->http, &spec, on_answer);
  }
  vtx_secret_buf_release(&basic);
  vtx_secret_buf_release(&form);
}

static void on_subject(void *ctx, const struct vtx_token_result *result) {
  struct external_account *self = ctx;

  if (result->status.code == CB_OK) {
    exchange(self, result->token);
  } else {
    vtx_token_deliver_failure(self->http.sink, &result->status);
  }
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct external_account *self = (struct external_account *)(void *)source;
  const struct vtx_token_sink mine = {on_subject, self};

  self->http.sink = sink;
  self->subject->type->fetch(self->subject, mine);
}

static void cancel(struct vtx_token_source *source) {
  struct external_account *self = (struct external_account *)(void *)source;

  self->subject->type->cancel(self->subject);
  vtx_http_source_cancel(source);
}

static void free_account(struct vtx_token_source *source) {
  struct external_account *self = (struct external_account *)(void *)source;

  vtx_http_source_cancel(source);
  vtx_token_source_free(self->subject);
  vtx_impersonate_release(&self->step);
  free(self->audience);
  free(self->subject_type);
  free(self->url);
  free(self->client_id);
  vtx_credential_wipe(self->client_secret);
  free(self->user_project);
  free(self);
}

static const struct vtx_token_source_type account_type = {
    .fetch = fetch,
    .cancel = cancel,
    .free = free_account,
};

static bool keep(char **place, const char *text) {
  if (text) *place = strdup(text);
  return !text || *place;
}

static bool fill_in(struct external_account *self,
                    const struct json_object *file, const char **ret_why) {
  const char *audience = vtx_secret_json_text(file, "audience");
  const char *type = vtx_secret_json_text(file, "subject_token_type");
  const char *url = vtx_secret_json_text(file, "token_url");
  const char *id = vtx_secret_json_text(file, "client_id");
  const char *secret = vtx_secret_json_text(file, "client_secret");
  const char *project =
      vtx_secret_json_text(file, "workforce_pool_user_project");

  if (!url) url = VTX_STS_URL;
  *ret_why = !audience ? "has no audience"
             : !type   ? "has no subject_token_type"
             : !vtx_token_url_ok(url)
                 ? "has a token_url that is neither https nor on this machine"
             : project && strpbrk(project, "\"\\")
                 ? "has a workforce_pool_user_project that cannot be one"
                 : NULL;
  if (*ret_why) return false;
  *ret_why = "could not be read: out of memory";
  if (!keep(&self->audience, audience) || !keep(&self->subject_type, type) ||
      !keep(&self->url, url) || !keep(&self->user_project, project)) {
    return false;
  }
  if (!id || !secret) return true;
  return keep(&self->client_id, id) && keep(&self->client_secret, secret);
}

/* In these files null is what no delegates are called. */
static bool read_step(struct external_account *self,
                      const struct json_object *file, const char **ret_why) {
  struct json_object *url = NULL;

  if (!json_object_object_get_ex(file, "service_account_impersonation_url",
                                 &url) ||
      !url) {
    return true;
  }
  if (!vtx_impersonate_read(&self->step, file, ret_why)) return false;
  free(self->step.delegates);
  self->step.delegates = strdup("null");
  *ret_why = "could not be read: out of memory";
  return self->step.delegates != NULL;
}

struct vtx_token_source *vtx_external_account_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  struct external_account *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->http.source.type = &account_type;
  self->http.place = place;
  if (fill_in(self, file, ret_why) && read_step(self, file, ret_why)) {
    self->subject = vtx_subject_from(place, file, ret_why);
    if (self->subject) return &self->http.source;
  }
  free_account(&self->http.source);
  return NULL;
}
