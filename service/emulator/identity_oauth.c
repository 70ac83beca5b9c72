/* OAuth's token endpoint and the security token service. */
#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "service/emulator/identity_internal.h"

#define CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define IAM_SCOPE "https://www.googleapis.com/auth/iam"
#define AUDIENCE "https://oauth2.googleapis.com/token"
#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define AWS_REQUEST "urn:ietf:params:aws:token-type:aws4_request"
#define SKEW 300
#define LONGEST 3600
#define MOST_PART 16384
#define BAD_SIGNATURE "Invalid JWT Signature."
#define BAD_TIME                                                     \
  "Invalid JWT: Token must be a short-lived token (60 minutes) and " \
  "in a reasonable timeframe. Check your iat and exp values."

/* --- signed statements ------------------------------------------------------
 */

static bool signature_holds(const char *pem, const char *text, size_t size,
                            const char *signature) {
  BIO *bio = BIO_new_mem_buf(pem, -1);
  EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  uint8_t bytes[4096];
  size_t len = 0;
  bool good;

  good = key && context && strlen(signature) < sizeof bytes &&
         cb_base64_decode(signature, strlen(signature), bytes, &len) &&
         EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
         EVP_DigestVerify(context, bytes, len, (const unsigned char *)text,
                          size) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  BIO_free(bio);
  return good;
}

/* One part of a statement as an object; NULL if it is none. */
static struct json_object *part_of(const char *text, size_t size) {
  static const size_t room = MOST_PART + 1;
  char *bytes = size <= MOST_PART ? malloc(room) : NULL;
  struct json_object *object = NULL;
  size_t len = 0;

  if (bytes && cb_base64_decode(text, size, (uint8_t *)bytes, &len)) {
    bytes[len] = '\0';
    object = json_tokener_parse(bytes);
  }
  free(bytes);
  return object;
}

static const char *text_of(struct json_object *object, const char *key) {
  struct json_object *value = NULL;

  return json_object_object_get_ex(object, key, &value) &&
                 json_object_is_type(value, json_type_string)
             ? json_object_get_string(value)
             : NULL;
}

static int64_t number_of(struct json_object *object, const char *key) {
  struct json_object *value = NULL;

  return json_object_object_get_ex(object, key, &value)
             ? json_object_get_int64(value)
             : 0;
}

static bool is(const char *text, const char *wanted) {
  return text && strcmp(text, wanted) == 0;
}

static bool is_scope(const char *text) {
  return is(text, CLOUD_SCOPE) || is(text, IAM_SCOPE);
}

static const char *claims_trouble(struct json_object *claims, int64_t now,
                                  bool grant) {
  int64_t from = number_of(claims, "iat");
  int64_t to = number_of(claims, "exp");
  const char *issuer = text_of(claims, "iss");

  if (to - from > LONGEST || to <= from) return BAD_TIME;
  if (from > now + SKEW || to < now - SKEW || (!grant && to <= now)) {
    return BAD_TIME;
  }
  if (!issuer || !strchr(issuer, '@')) {
    return "Invalid JWT: Failed audience check or issuer.";
  }
  if (!is_scope(text_of(claims, "scope"))) {
    return "Invalid OAuth scope or ID token audience provided.";
  }
  if (grant && !is(text_of(claims, "aud"), AUDIENCE)) {
    return "Invalid JWT: Failed audience check.";
  }
  if (!grant &&
      (text_of(claims, "aud") || !is(text_of(claims, "sub"), issuer))) {
    return "Invalid JWT: sub must be iss, and there is no aud with a scope.";
  }
  return NULL;
}

static const char *header_trouble(struct json_object *header) {
  return is(text_of(header, "alg"), "RS256") &&
                 is(text_of(header, "typ"), "JWT") && text_of(header, "kid")
             ? NULL
             : "Invalid JWT: its header has no typ JWT, alg RS256 and kid.";
}

const char *vtx_emu_jwt_trouble(const struct vtx_emu_identity *identity,
                                const char *jwt, bool grant) {
  const char *first = strchr(jwt, '.');
  const char *second = first ? strchr(first + 1, '.') : NULL;
  struct json_object *header;
  struct json_object *claims;
  const char *trouble = BAD_SIGNATURE;

  if (!second) return "Bad Request";
  header = part_of(jwt, (size_t)(first - jwt));
  claims = part_of(first + 1, (size_t)(second - first) - 1);
  if (header && claims && identity->public_key &&
      signature_holds(identity->public_key, jwt, (size_t)(second - jwt),
                      second + 1)) {
    trouble = header_trouble(header);
    if (!trouble) {
      trouble = claims_trouble(claims, vtx_emu_identity_time(identity), grant);
    }
  }
  json_object_put(header);
  json_object_put(claims);
  return trouble;
}

/* True if a statement, already checked, asks for more than the next step. */
static bool asks_for_cloud(const char *jwt) {
  const char *first = strchr(jwt, '.');
  struct json_object *claims = part_of(first + 1, strcspn(first + 1, "."));
  bool cloud = is(text_of(claims, "scope"), CLOUD_SCOPE);

  json_object_put(claims);
  return cloud;
}

/* --- /token -----------------------------------------------------------------
 */

static bool is_form(const struct vtx_emu_request *request) {
  const char *type = request->header(request, "Content-Type");

  return is(type, "application/x-www-form-urlencoded");
}

static void grant_by_jwt(struct vtx_emu_visit *visit) {
  const char *jwt = vtx_emu_form(visit->request, "assertion");
  const char *trouble =
      jwt ? vtx_emu_jwt_trouble(visit->identity, jwt, true) : "Bad Request";

  if (trouble) {
    vtx_emu_visit_refuse(visit, 400, "invalid_grant", trouble);
  } else {
    vtx_emu_visit_give(visit, asks_for_cloud(jwt), "");
  }
}

static void grant_by_refresh(struct vtx_emu_visit *visit) {
  const struct vtx_emu_request *request = visit->request;

  if (!is(vtx_emu_form(request, "client_id"), VTX_EMU_CLIENT_ID) ||
      !is(vtx_emu_form(request, "client_secret"), VTX_EMU_CLIENT_SECRET)) {
    vtx_emu_visit_refuse(visit, 401, "invalid_client",
                         "The OAuth client was not found.");
  } else if (!is(vtx_emu_form(request, "refresh_token"),
                 VTX_EMU_REFRESH_TOKEN)) {
    vtx_emu_visit_refuse(visit, 400, "invalid_grant",
                         "Token has been expired or revoked.");
  } else {
    vtx_emu_visit_give(visit, true, ",\"scope\":\"" CLOUD_SCOPE "\"");
  }
}

void vtx_emu_identity_token(struct vtx_emu_visit *visit) {
  const char *grant = is_form(visit->request)
                          ? vtx_emu_form(visit->request, "grant_type")
                          : NULL;

  if (is(grant, JWT_GRANT)) {
    grant_by_jwt(visit);
  } else if (is(grant, "refresh_token")) {
    grant_by_refresh(visit);
  } else {
    vtx_emu_visit_refuse(visit, 400, "unsupported_grant_type",
                         "Invalid grant_type.");
  }
}

/* --- the security token service ---------------------------------------------
 */

/* True if the request proves the client, as it must where it says it does. */
static bool is_client(const struct vtx_emu_request *request) {
  static const char pair[] = VTX_EMU_CLIENT_ID ":" VTX_EMU_CLIENT_SECRET;
  const char *given = request->authorization;
  char wanted[128];
  size_t size = cb_base64_encoded_size(sizeof pair - 1);

  cb_base64_encode((const uint8_t *)pair, sizeof pair - 1, wanted);
  wanted[size] = '\0';
  return given && strncmp(given, "Basic ", 6) == 0 &&
         strcmp(given + 6, wanted) == 0;
}

/* A workforce user's; each token comes with the next refresh token. */
static void refresh_workforce(struct vtx_emu_visit *visit) {
  struct vtx_emu_identity *identity = visit->identity;
  const char *given = vtx_emu_form(visit->request, "refresh_token");
  char wanted[64];
  char more[128];

  snprintf(wanted, sizeof wanted, VTX_EMU_REFRESH_TOKEN "%.0llu",
           (unsigned long long)identity->rotation);
  if (!is_client(visit->request)) {
    vtx_emu_visit_refuse(visit, 401, "invalid_client", "Unauthorized");
  } else if (!is(given, wanted)) {
    vtx_emu_visit_refuse(visit, 400, "invalid_grant",
                         "Token has been expired or revoked.");
  } else {
    identity->rotation++;
    snprintf(more, sizeof more, ",\"refresh_token\":\"%s%llu\"",
             VTX_EMU_REFRESH_TOKEN, (unsigned long long)identity->rotation);
    vtx_emu_visit_give(visit, true, more);
  }
}

static const char *options_trouble(const struct vtx_emu_request *request) {
  const char *options = vtx_emu_form(request, "options");
  const char *text;
  struct json_object *object;
  bool good;

  if (!options) return NULL;
  text = vtx_emu_percent_decode(request, options, strlen(options), false);
  object = text ? json_tokener_parse(text) : NULL;
  good = object && text_of(object, "userProject");
  json_object_put(object);
  return good ? NULL : "Invalid options.";
}

static const char *subject_trouble(const struct vtx_emu_request *request) {
  const char *token = vtx_emu_form(request, "subject_token");
  const char *type = vtx_emu_form(request, "subject_token_type");
  const char *audience = vtx_emu_form(request, "audience");

  if (!token || !type) return "Missing subject_token or subject_token_type.";
  if (is(type, AWS_REQUEST)) {
    return vtx_emu_aws_trouble(request, token, audience);
  }
  return is(token, VTX_EMU_SUBJECT_TOKEN)
             ? NULL
             : "The given credential is rejected by the attribute condition.";
}

static void exchange(struct vtx_emu_visit *visit) {
  const struct vtx_emu_request *request = visit->request;
  const char *audience = vtx_emu_form(request, "audience");
  const char *scope = vtx_emu_form(request, "scope");
  const char *trouble = options_trouble(request);

  if (request->authorization && !is_client(request)) {
    vtx_emu_visit_refuse(visit, 401, "invalid_client", "Unauthorized");
    return;
  }
  if (!audience || strncmp(audience, "//iam.googleapis.com/", 21) != 0) {
    vtx_emu_visit_refuse(visit, 400, "invalid_target",
                         "Invalid value for \"audience\".");
    return;
  }
  if (!is(vtx_emu_form(request, "requested_token_type"), ACCESS_TOKEN) ||
      !is_scope(scope)) {
    trouble = "Invalid requested_token_type or scope.";
  }
  if (trouble) {
    vtx_emu_visit_refuse(visit, 400, "invalid_request", trouble);
    return;
  }
  trouble = subject_trouble(request);
  if (trouble) {
    vtx_emu_visit_refuse(visit, 400, "invalid_grant", trouble);
    return;
  }
  vtx_emu_visit_give(visit, is(scope, CLOUD_SCOPE),
                     ",\"issued_token_type\":\"" ACCESS_TOKEN "\"");
}

void vtx_emu_identity_sts(struct vtx_emu_visit *visit) {
  const char *grant = is_form(visit->request)
                          ? vtx_emu_form(visit->request, "grant_type")
                          : NULL;

  if (is(grant, EXCHANGE)) {
    exchange(visit);
  } else if (is(grant, "refresh_token")) {
    refresh_workforce(visit);
  } else {
    vtx_emu_visit_refuse(visit, 400, "unsupported_grant_type",
                         "Invalid grant_type.");
  }
}
