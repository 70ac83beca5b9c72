#include "service/vertex/credentials/impersonate.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

#define METHOD ":generateAccessToken"
#define USUAL_LIFETIME 3600
#define MOST_LIFETIME 43200
#define IAM "the IAM credentials endpoint"

bool vtx_impersonate_url_ok(const char *url) {
  size_t size = strlen(url);
  size_t end = strlen(METHOD);

  return vtx_token_url_ok(url) && size > end &&
         strcmp(url + size - end, METHOD) == 0 && !strpbrk(url, "?#");
}

char *vtx_impersonate_email(const char *url) {
  const char *slash = strrchr(url, '/');
  const char *start = slash ? slash + 1 : url;

  return strndup(start, strcspn(start, ":"));
}

static const char *delegates_of(const struct json_object *file) {
  struct json_object *list = NULL;

  if (!json_object_object_get_ex(file, "delegates", &list) ||
      !json_object_is_type(list, json_type_array)) {
    return "[]";
  }
  return json_object_to_json_string_ext(
      list, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* The same key holds the wish for a lifetime in both kinds of files. */
static int64_t lifetime_of(const struct json_object *file) {
  struct json_object *options =
      vtx_secret_json_object(file, "service_account_impersonation");
  struct json_object *value = NULL;

  if (!options ||
      !json_object_object_get_ex(options, "token_lifetime_seconds", &value)) {
    return USUAL_LIFETIME;
  }
  return json_object_get_int64(value);
}

bool vtx_impersonate_read(struct vtx_impersonate *step,
                          const struct json_object *file,
                          const char **ret_why) {
  const char *url =
      vtx_secret_json_text(file, "service_account_impersonation_url");

  step->lifetime = lifetime_of(file);
  *ret_why = !url ? "has no service_account_impersonation_url"
             : !vtx_impersonate_url_ok(url)
                 ? "has a service_account_impersonation_url that is no https "
                   "URL of generateAccessToken"
             : step->lifetime < 1 || step->lifetime > MOST_LIFETIME
                 ? "has a token_lifetime_seconds outside of 1 to 43200"
                 : NULL;
  if (*ret_why) return false;
  *ret_why = "could not be read: out of memory";
  step->url = strdup(url);
  step->delegates = strdup(delegates_of(file));
  return step->url && step->delegates;
}

void vtx_impersonate_release(struct vtx_impersonate *step) {
  free(step->url);
  free(step->delegates);
}

static void on_answer(void *ctx, const struct vtx_token_answer *answer) {
  struct vtx_http_source *source = ctx;

  vtx_http_source_ended(source);
  if (answer->status.code == CB_OK) {
    vtx_token_deliver_iam(source->sink, source->place->unix_time(),
                          answer->text, answer->size);
  } else {
    vtx_token_deliver_failure(source->sink, &answer->status);
  }
}

void vtx_impersonate_ask(const struct vtx_impersonate *step,
                         struct vtx_http_source *source, const char *token) {
  struct cb_buf bearer;
  struct cb_buf body;
  struct cb_pair header = {"Authorization", NULL};
  struct vtx_token_request_spec spec = {
      .what = IAM,
      .url = step->url,
      .content_type = "application/json",
      .headers = &header,
      .header_count = 1,
  };

  vtx_secret_buf_init(&bearer);
  cb_buf_init(&body, VTX_SECRET_BYTES, NULL);
  cb_buf_add_text(&bearer, "Bearer ");
  cb_buf_add_text(&bearer, token);
  cb_buf_printf(&body,
                "{\"delegates\":%s,\"scope\":[\"" VTX_SCOPE_CLOUD
                "\"],\"lifetime\":\"%" PRId64 "s\"}",
                step->delegates, step->lifetime);
  header.value = bearer.data;
  spec.body = body.data;
  if (bearer.failed || body.failed) {
    vtx_token_deliver_no_memory(source->sink, IAM);
  } else {
    vtx_http_source_ask(source, &spec, on_answer);
  }
  vtx_secret_buf_release(&bearer);
  cb_buf_release(&body);
}
