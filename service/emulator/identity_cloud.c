/* The IAM credentials endpoint, the metadata servers, and a URL with a foreign
 * token. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "service/emulator/identity_internal.h"

#define JSON "application/json; charset=utf-8"
#define ACCOUNT "/computeMetadata/v1/instance/service-accounts/default/"
#define KEYS "/latest/meta-data/iam/security-credentials"
#define CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform"

static bool is(const char *text, const char *wanted) {
  return text && strcmp(text, wanted) == 0;
}

static void refuse_iam(struct vtx_emu_visit *visit, unsigned status,
                       const char *word, const char *message) {
  char body[512];

  snprintf(body, sizeof body,
           "{\"error\":{\"code\":%u,\"message\":\"%s\",\"status\":\"%s\"}}",
           status, message, word);
  vtx_emu_visit_reply(visit, status, JSON, body);
}

/* --- generateAccessToken ----------------------------------------------------
 */

static const char *wish_trouble(struct json_object *wish) {
  struct json_object *scope = NULL;
  struct json_object *lifetime = NULL;
  struct json_object *delegates = NULL;
  unsigned seconds = 0;
  char unit = '\0';
  char behind = '\0';
  const char *text;

  if (!json_object_is_type(wish, json_type_object)) return "no JSON object";
  if (!json_object_object_get_ex(wish, "scope", &scope) ||
      !json_object_is_type(scope, json_type_array) ||
      json_object_array_length(scope) != 1 ||
      !is(json_object_get_string(json_object_array_get_idx(scope, 0)),
          CLOUD_SCOPE)) {
    return "scope must be a list with cloud-platform";
  }
  if (!json_object_object_get_ex(wish, "delegates", &delegates) ||
      (delegates && !json_object_is_type(delegates, json_type_array))) {
    return "delegates must be a list or null";
  }
  json_object_object_get_ex(wish, "lifetime", &lifetime);
  text = lifetime ? json_object_get_string(lifetime) : "";
  for (; *text >= '0' && *text <= '9' && seconds < 100000; text++) {
    seconds = seconds * 10 + (unsigned)(*text - '0');
  }
  unit = *text;
  if (unit) behind = text[1];
  return unit == 's' && !behind && seconds >= 1 && seconds <= 43200
             ? NULL
             : "lifetime must be 1s to 43200s";
}

static void give_iam(struct vtx_emu_visit *visit) {
  time_t end = time(NULL) + (time_t)visit->identity->expires_in;
  struct tm tm;
  char when[32];
  char body[256];

  gmtime_r(&end, &tm);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
  snprintf(body, sizeof body, "{\"accessToken\":\"%s\",\"expireTime\":\"%s\"}",
           vtx_emu_identity_issue(visit->identity, true), when);
  vtx_emu_visit_reply(visit, 200, JSON, body);
}

void vtx_emu_identity_iam(struct vtx_emu_visit *visit) {
  const struct vtx_emu_request *request = visit->request;
  struct json_object *wish;
  const char *trouble;

  if (!vtx_emu_identity_knows(visit->identity, request->authorization, false)) {
    refuse_iam(visit, 401, "UNAUTHENTICATED",
               "Request had invalid authentication credentials.");
    return;
  }
  if (strstr(request->path, "/forbidden@")) {
    refuse_iam(visit, 403, "PERMISSION_DENIED",
               "Permission 'iam.serviceAccounts.getAccessToken' denied");
    return;
  }
  wish = json_tokener_parse(request->body);
  trouble = wish_trouble(wish);
  json_object_put(wish);
  if (trouble) {
    refuse_iam(visit, 400, "INVALID_ARGUMENT", trouble);
  } else {
    give_iam(visit);
  }
}

/* --- Google's metadata server -----------------------------------------------
 */

void vtx_emu_identity_metadata(struct vtx_emu_visit *visit) {
  const struct vtx_emu_request *request = visit->request;
  const char *path = request->path;

  if (!is(request->header(request, "Metadata-Flavor"), "Google") ||
      request->header(request, "X-Forwarded-For")) {
    vtx_emu_visit_reply(visit, 403, "text/html", "Missing Metadata-Flavor");
  } else if (is(path, ACCOUNT "token")) {
    vtx_emu_visit_give(visit, true, "");
  } else if (is(path, ACCOUNT)) {
    vtx_emu_visit_reply(visit, 200, JSON,
                        "{\"aliases\":[\"default\"],\"email\":"
                        "\"default@emulated.iam.gserviceaccount.com\","
                        "\"scopes\":[\"" CLOUD_SCOPE "\"]}");
  } else if (is(path, "/computeMetadata/v1/project/project-id")) {
    vtx_emu_visit_reply(visit, 200, "application/text", "emulated-metadata");
  } else if (is(path, "/computeMetadata/v1/universe/universe-domain")) {
    vtx_emu_visit_reply(visit, 200, "application/text", "googleapis.com");
  } else if (is(path, "/")) {
    vtx_emu_visit_reply(visit, 200, "application/text", "computeMetadata/\n");
  } else {
    vtx_emu_visit_reply(visit, 404, "text/html", "Not Found");
  }
  visit->reply->header = "Metadata-Flavor";
  visit->reply->header_value = "Google";
}

/* --- Amazon's ----------------------------------------------------------------
 */

static bool has_session(const struct vtx_emu_request *request) {
  return is(request->header(request, "X-aws-ec2-metadata-token"),
            VTX_EMU_AWS_IMDS);
}

void vtx_emu_identity_aws(struct vtx_emu_visit *visit) {
  const struct vtx_emu_request *request = visit->request;
  const char *path = request->path;

  if (is(request->method, "PUT") && is(path, "/latest/api/token") &&
      request->header(request, "X-aws-ec2-metadata-token-ttl-seconds")) {
    vtx_emu_visit_reply(visit, 200, "text/plain", VTX_EMU_AWS_IMDS);
  } else if (!is(request->method, "GET") || !has_session(request)) {
    vtx_emu_visit_reply(visit, 401, "text/html", "Unauthorized");
  } else if (is(path, "/latest/meta-data/placement/availability-zone")) {
    vtx_emu_visit_reply(visit, 200, "text/plain", "us-east-2b");
  } else if (is(path, KEYS)) {
    vtx_emu_visit_reply(visit, 200, "text/plain", "emulated-role");
  } else if (is(path, KEYS "/emulated-role")) {
    vtx_emu_visit_reply(visit, 200, "text/plain",
                        "{\"Code\":\"Success\",\"AccessKeyId\":"
                        "\"" VTX_EMU_AWS_KEY
                        "\",\"SecretAccessKey\":"
                        "\"" VTX_EMU_AWS_SECRET
                        "\",\"Token\":"
                        "\"" VTX_EMU_AWS_SESSION "\"}");
  } else {
    vtx_emu_visit_reply(visit, 404, "text/html", "Not Found");
  }
}

/* --- somebody else's --------------------------------------------------------
 */

void vtx_emu_identity_subject(struct vtx_emu_visit *visit) {
  if (!is(visit->request->header(visit->request, "Metadata"), "True")) {
    vtx_emu_visit_reply(visit, 400, "text/plain", "Metadata: True is missing");
    return;
  }
  vtx_emu_visit_reply(visit, 200, JSON,
                      "{\"access_token\":\"" VTX_EMU_SUBJECT_TOKEN "\"}");
}
