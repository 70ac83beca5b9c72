/* Two steps: the source's token, then with it the other account's. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/impersonate.h"
#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

struct impersonated {
  struct vtx_http_source http;
  struct vtx_impersonate step;
  struct vtx_token_source *first;
};

static void on_first(void *ctx, const struct vtx_token_result *result) {
  struct impersonated *self = ctx;

  if (result->status.code != CB_OK) {
    vtx_token_deliver_failure(self->http.sink, &result->status);
    return;
  }
  vtx_impersonate_ask(&self->step, &self->http, result->token);
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct impersonated *self = (struct impersonated *)(void *)source;
  const struct vtx_token_sink mine = {on_first, self};

  self->http.sink = sink;
  self->first->type->fetch(self->first, mine);
}

static void cancel(struct vtx_token_source *source) {
  struct impersonated *self = (struct impersonated *)(void *)source;

  self->first->type->cancel(self->first);
  vtx_http_source_cancel(source);
}

static void free_impersonated(struct vtx_token_source *source) {
  struct impersonated *self = (struct impersonated *)(void *)source;

  vtx_http_source_cancel(source);
  vtx_token_source_free(self->first);
  vtx_impersonate_release(&self->step);
  free(self);
}

static const struct vtx_token_source_type impersonated_type = {
    .fetch = fetch,
    .cancel = cancel,
    .free = free_impersonated,
};

/* A service account asks for no more than it needs for the second step. */
static struct vtx_token_source *first_from(const struct vtx_token_place *place,
                                           const struct json_object *file,
                                           const char **ret_why) {
  struct json_object *inner =
      vtx_secret_json_object(file, "source_credentials");
  const char *type = inner ? vtx_secret_json_text(inner, "type") : NULL;

  *ret_why = "has no source_credentials";
  if (!type) return NULL;
  if (strcmp(type, "service_account") == 0) {
    return vtx_service_account_new(place, inner, VTX_SCOPE_IAM, ret_why);
  }
  if (strcmp(type, "impersonated_service_account") == 0) {
    *ret_why = "has source_credentials that speak for others themselves";
    return NULL;
  }
  return vtx_token_source_from(place, inner, ret_why);
}

struct vtx_token_source *vtx_impersonated_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  struct impersonated *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->http.source.type = &impersonated_type;
  self->http.place = place;
  if (vtx_impersonate_read(&self->step, file, ret_why)) {
    self->first = first_from(place, file, ret_why);
    if (self->first) return &self->http.source;
  }
  free_impersonated(&self->http.source);
  return NULL;
}
