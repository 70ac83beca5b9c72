/* Asks Amazon's metadata server for what the environment does not say - a
 * session (IMDSv2), the region, the role's name, its keys - one after the
 * other, then signs. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/aws_sign.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/subject.h"
#include "service/vertex/credentials/token_answer.h"

#define WHAT "the AWS metadata server"
#define ATTEMPT_TIMEOUT (5 * CB_SECOND)
#define MOST_NAME 256

struct subject_aws {
  struct vtx_http_source http;
  char *audience;
  char *region_url;       /* NULL: none */
  char *keys_url;         /* NULL: none */
  char *verification_url; /* with {region} */
  char *session_url;      /* NULL: no IMDSv2 */

  /* Of the fetch under way. */
  char *session;
  char *region;
  char *role;
  char *access_key;
  char *secret;
  char *token; /* NULL: none */
};

static void go_on(struct subject_aws *self);

static void wipe(char **text) {
  vtx_credential_wipe(*text);
  *text = NULL;
}

static void forget_fetch(struct subject_aws *self) {
  wipe(&self->session);
  wipe(&self->region);
  wipe(&self->role);
  wipe(&self->access_key);
  wipe(&self->secret);
  wipe(&self->token);
}

static void give_up(struct subject_aws *self, bool lasts, const char *why) {
  struct vtx_token_failure failure;

  forget_fetch(self);
  vtx_token_fail(&failure, lasts, "%s", why);
  vtx_token_deliver_failure(self->http.sink, &failure.status);
}

/* --- the answers ------------------------------------------------------------
 */

static void take_session(struct subject_aws *self, const char *text) {
  self->session = strdup(text);
}

/* An availability zone is its region and one letter. */
static void take_region(struct subject_aws *self, const char *text) {
  self->region = strndup(text, strlen(text) - 1);
}

static void take_role(struct subject_aws *self, const char *text) {
  self->role = strdup(text);
}

static void take_keys(struct subject_aws *self, const char *text) {
  struct json_object *keys = vtx_secret_json(text, strlen(text));
  const char *key = keys ? vtx_secret_json_text(keys, "AccessKeyId") : NULL;
  const char *secret =
      keys ? vtx_secret_json_text(keys, "SecretAccessKey") : NULL;
  const char *token = keys ? vtx_secret_json_text(keys, "Token") : NULL;

  if (key && secret) {
    self->access_key = strdup(key);
    self->secret = strdup(secret);
    if (token) self->token = strdup(token);
    if (!self->secret || (token && !self->token)) wipe(&self->access_key);
  }
  vtx_secret_json_free(keys);
}

/* The step that is next, by what is known; its answer goes to take. */
static void (*taker(const struct subject_aws *self))(struct subject_aws *self,
                                                     const char *text) {
  if (self->session_url && !self->session) return take_session;
  if (!self->region) return take_region;
  return self->role ? take_keys : take_role;
}

/* All but the keys are words. */
static bool is_good(const struct subject_aws *self, const char *text) {
  if (taker(self) == take_keys) return true;
  return strlen(text) > 1 && vtx_credential_text_ok(text) &&
         (taker(self) == take_session || strlen(text) <= MOST_NAME);
}

static void on_answer(void *ctx, const struct vtx_token_answer *answer) {
  struct subject_aws *self = ctx;
  bool keys;

  vtx_http_source_ended(&self->http);
  if (answer->status.code != CB_OK) {
    forget_fetch(self);
    vtx_token_deliver_failure(self->http.sink, &answer->status);
    return;
  }
  if (!is_good(self, answer->text)) {
    give_up(self, true, WHAT " answers HTTP 200 without what it was asked for");
    return;
  }
  keys = taker(self) == take_keys;
  taker(self)(self, answer->text);
  if (keys && !self->access_key) {
    give_up(self, true, WHAT " gives no keys for the machine's role");
    return;
  }
  go_on(self);
}

/* --- the questions ----------------------------------------------------------
 */

static void ask(struct subject_aws *self, const char *method, const char *url) {
  struct cb_pair header = {"X-aws-ec2-metadata-token", self->session};
  struct vtx_token_request_spec spec = {
      .what = WHAT,
      .method = method,
      .url = url,
      .headers = &header,
      .header_count = 1,
      .timeout = ATTEMPT_TIMEOUT,
      .direct = true,
  };

  if (strcmp(method, "PUT") == 0) {
    header = (struct cb_pair){"X-aws-ec2-metadata-token-ttl-seconds", "300"};
  } else if (!self->session) {
    spec.header_count = 0;
  }
  vtx_http_source_ask(&self->http, &spec, on_answer);
}

static void ask_for_keys(struct subject_aws *self) {
  struct cb_buf url;

  cb_buf_init(&url, 4096, NULL);
  cb_buf_printf(&url, "%s/%s", self->keys_url, self->role);
  if (url.failed) {
    give_up(self, false, "there is no memory to ask " WHAT);
  } else {
    ask(self, "GET", url.data);
  }
  cb_buf_release(&url);
}

static void sign(struct subject_aws *self) {
  const struct vtx_aws_identity identity = {self->access_key, self->secret,
                                            self->token, self->region};
  struct vtx_token_result result = {.status = cb_status_ok()};
  struct cb_buf token;

  vtx_secret_buf_init(&token);
  if (vtx_aws_subject_token(&identity, self->verification_url, self->audience,
                            self->http.place->unix_time(), &token)) {
    result.token = token.data;
    forget_fetch(self);
    self->http.sink.done(self->http.sink.ctx, &result);
  } else {
    give_up(self, true, "the AWS keys or region have characters none has");
  }
  vtx_secret_buf_release(&token);
}

static void go_on(struct subject_aws *self) {
  bool asks = !self->region || !self->access_key;

  if (!asks) {
    sign(self);
  } else if ((!self->region && !self->region_url) ||
             (!self->access_key && !self->keys_url)) {
    give_up(self, true,
            "neither the environment nor the credential file says where the "
            "AWS region and keys are");
  } else if (self->session_url && !self->session) {
    ask(self, "PUT", self->session_url);
  } else if (!self->region) {
    ask(self, "GET", self->region_url);
  } else if (!self->role) {
    ask(self, "GET", self->keys_url);
  } else {
    ask_for_keys(self);
  }
}

/* --- the source -------------------------------------------------------------
 */

static const char *env(const struct subject_aws *self, const char *name) {
  const char *value = self->http.place->get_env(name);

  return value && *value ? value : NULL;
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct subject_aws *self = (struct subject_aws *)(void *)source;
  const char *region = env(self, "AWS_REGION");
  const char *key = env(self, "AWS_ACCESS_KEY_ID");
  const char *secret = env(self, "AWS_SECRET_ACCESS_KEY");
  const char *token = env(self, "AWS_SESSION_TOKEN");

  self->http.sink = sink;
  forget_fetch(self);
  if (!region) region = env(self, "AWS_DEFAULT_REGION");
  if (region) self->region = strdup(region);
  if (key && secret) {
    self->access_key = strdup(key);
    self->secret = strdup(secret);
    if (token) self->token = strdup(token);
  }
  if ((region && !self->region) || (key && secret && !self->secret) ||
      (key && secret && !self->access_key)) {
    give_up(self, false, "there is no memory for the AWS keys");
    return;
  }
  go_on(self);
}

static void cancel(struct vtx_token_source *source) {
  vtx_http_source_cancel(source);
  forget_fetch((struct subject_aws *)(void *)source);
}

static void free_aws(struct vtx_token_source *source) {
  struct subject_aws *self = (struct subject_aws *)(void *)source;

  cancel(source);
  free(self->audience);
  free(self->region_url);
  free(self->keys_url);
  free(self->verification_url);
  free(self->session_url);
  free(self);
}

static const struct vtx_token_source_type aws_type = {
    .fetch = fetch,
    .cancel = cancel,
    .free = free_aws,
};

static bool is_http(const char *url) {
  return !url || (vtx_credential_text_ok(url) &&
                  (strncasecmp(url, "http://", 7) == 0 ||
                   strncasecmp(url, "https://", 8) == 0));
}

static bool keep(char **place, const char *text) {
  if (text) *place = strdup(text);
  return !text || *place;
}

static bool fill_in(struct subject_aws *self, const struct json_object *file,
                    const char **ret_why) {
  const struct json_object *source =
      vtx_secret_json_object(file, "credential_source");
  const char *version = vtx_secret_json_text(source, "environment_id");
  const char *region = vtx_secret_json_text(source, "region_url");
  const char *keys = vtx_secret_json_text(source, "url");
  const char *verify =
      vtx_secret_json_text(source, "regional_cred_verification_url");
  const char *session =
      vtx_secret_json_text(source, "imdsv2_session_token_url");

  *ret_why = strcmp(version, "aws1") != 0
                 ? "has an environment_id other than aws1"
             : !verify ? "has no regional_cred_verification_url"
             : !is_http(region) || !is_http(keys) || !is_http(session)
                 ? "has a credential_source with a URL that is none"
                 : NULL;
  if (*ret_why) return false;
  *ret_why = "could not be read: out of memory";
  return keep(&self->audience, vtx_secret_json_text(file, "audience")) &&
         keep(&self->region_url, region) && keep(&self->keys_url, keys) &&
         keep(&self->verification_url, verify) &&
         keep(&self->session_url, session);
}

struct vtx_token_source *vtx_subject_aws_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  struct subject_aws *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->http.source.type = &aws_type;
  self->http.place = place;
  if (fill_in(self, file, ret_why)) return &self->http.source;
  free_aws(&self->http.source);
  return NULL;
}
