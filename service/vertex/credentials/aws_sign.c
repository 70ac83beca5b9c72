#include "service/vertex/credentials/aws_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "service/vertex/credentials/encode.h"
#include "service/vertex/credentials/jwt.h"
#include "service/vertex/credentials/secret.h"

#define HASH 32
#define MOST_PARAMETERS 16
#define MOST_URL 1024
#define ALGORITHM "AWS4-HMAC-SHA256"

struct signing {
  const struct vtx_aws_identity *identity;
  char url[MOST_URL]; /* region filled in */
  char host[256];
  char path[MOST_URL];
  char query[MOST_URL]; /* sorted */
  char time[20];        /* 20261122T000000Z */
  char date[12];
  char scope[128];
};

static void add_hash(struct cb_buf *buf, const char *text, size_t size) {
  uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned len = 0;

  if (EVP_Digest(text, size, hash, &len, EVP_sha256(), NULL) != 1) {
    buf->failed = true;
    return;
  }
  vtx_encode_hex(buf, hash, len);
}

static bool hmac(const void *key, size_t key_size, const char *text,
                 uint8_t out[HASH]) {
  unsigned len = 0;

  return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text,
              strlen(text), out, &len) != NULL &&
         len == HASH;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Puts the parameters of a query in order. */
static bool sort_query(const char *query, char *out, size_t room) {
  char copy[MOST_URL];
  char *parts[MOST_PARAMETERS];
  char *rest = copy;
  char *part;
  size_t count = 0;
  size_t len = 0;

  if (strlen(query) >= sizeof copy) return false;
  memcpy(copy, query, strlen(query) + 1);
  while ((part = strsep(&rest, "&"))) {
    if (count == MOST_PARAMETERS) return false;
    parts[count++] = part;
  }
  qsort(parts, count, sizeof *parts, by_text);
  for (size_t i = 0; i < count; i++) {
    len += (size_t)snprintf(out + len, room - len, "%s%s", i > 0 ? "&" : "",
                            parts[i]);
    if (len >= room) return false;
  }
  return true;
}

static bool fill_region(struct signing *signing, const char *url) {
  const char *mark = strstr(url, "{region}");
  int len;

  if (mark) {
    len = snprintf(signing->url, MOST_URL, "%.*s%s%s", (int)(mark - url), url,
                   signing->identity->region, mark + strlen("{region}"));
  } else {
    len = snprintf(signing->url, MOST_URL, "%s", url);
  }
  return len > 0 && len < MOST_URL;
}

static bool part_url(struct signing *signing) {
  const char *host = signing->url + strlen("https://");
  const char *path;
  size_t size;
  size_t path_size;

  if (strncmp(signing->url, "https://", 8) != 0) return false;
  size = strcspn(host, "/?");
  path = host + size;
  path_size = strcspn(path, "?");
  if (size == 0 || size >= sizeof signing->host) return false;
  snprintf(signing->host, sizeof signing->host, "%.*s", (int)size, host);
  snprintf(signing->path, sizeof signing->path, "%.*s",
           path_size ? (int)path_size : 1, path_size ? path : "/");
  path += path_size;
  return sort_query(*path == '?' ? path + 1 : "", signing->query,
                    sizeof signing->query);
}

static bool set_time(struct signing *signing, int64_t now) {
  time_t time = (time_t)now;
  struct tm tm;

  if (!gmtime_r(&time, &tm)) return false;
  return strftime(signing->time, sizeof signing->time, "%Y%m%dT%H%M%SZ", &tm) &&
         strftime(signing->date, sizeof signing->date, "%Y%m%d", &tm) &&
         snprintf(signing->scope, sizeof signing->scope,
                  "%s/%s/sts/aws4_request", signing->date,
                  signing->identity->region) < (int)sizeof signing->scope;
}

static const char *signed_headers(const struct signing *signing) {
  return signing->identity->session_token
             ? "host;x-amz-date;x-amz-security-token"
             : "host;x-amz-date";
}

/* The hash of the request in the one form that all agree on. */
static bool add_request_hash(const struct signing *signing,
                             struct cb_buf *buf) {
  struct cb_buf request;
  const char *token = signing->identity->session_token;

  vtx_secret_buf_init(&request);
  cb_buf_printf(&request, "POST\n%s\n%s\nhost:%s\nx-amz-date:%s\n",
                signing->path, signing->query, signing->host, signing->time);
  if (token) cb_buf_printf(&request, "x-amz-security-token:%s\n", token);
  cb_buf_printf(&request, "\n%s\n", signed_headers(signing));
  add_hash(&request, "", 0); /* of the body, which is empty */
  if (request.failed) buf->failed = true;
  if (!request.failed) add_hash(buf, request.data, request.len);
  vtx_secret_buf_release(&request);
  return !buf->failed;
}

/* The key of the day, made in four steps. */
static bool day_key(const struct signing *signing, uint8_t out[HASH]) {
  struct cb_buf first;
  bool good;

  vtx_secret_buf_init(&first);
  cb_buf_add_text(&first, "AWS4");
  cb_buf_add_text(&first, signing->identity->secret);
  good = !first.failed && hmac(first.data, first.len, signing->date, out) &&
         hmac(out, HASH, signing->identity->region, out) &&
         hmac(out, HASH, "sts", out) && hmac(out, HASH, "aws4_request", out);
  vtx_secret_buf_release(&first);
  return good;
}

/* Appends the value of Authorization. */
static bool add_authorization(const struct signing *signing,
                              struct cb_buf *buf) {
  struct cb_buf text;
  uint8_t key[HASH];
  uint8_t signature[HASH];
  bool good;

  vtx_secret_buf_init(&text);
  cb_buf_printf(&text, ALGORITHM "\n%s\n%s\n", signing->time, signing->scope);
  good = add_request_hash(signing, &text) && day_key(signing, key) &&
         hmac(key, HASH, text.data, signature);
  explicit_bzero(key, sizeof key);
  vtx_secret_buf_release(&text);
  if (!good) return false;
  cb_buf_printf(
      buf, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=",
      signing->identity->access_key, signing->scope, signed_headers(signing));
  vtx_encode_hex(buf, signature, HASH);
  return !buf->failed;
}

static void add_header(struct cb_buf *json, const char *key,
                       const char *value) {
  cb_buf_printf(json, "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
}

static bool add_json(const struct signing *signing, const char *audience,
                     struct cb_buf *json) {
  struct cb_buf authorization;
  bool good;

  vtx_secret_buf_init(&authorization);
  good = add_authorization(signing, &authorization);
  if (good) {
    cb_buf_add_text(json, "{\"headers\":[");
    add_header(json, "Authorization", authorization.data);
    cb_buf_add_char(json, ',');
    add_header(json, "host", signing->host);
    cb_buf_add_char(json, ',');
    add_header(json, "x-amz-date", signing->time);
    cb_buf_add_char(json, ',');
    if (signing->identity->session_token) {
      add_header(json, "x-amz-security-token",
                 signing->identity->session_token);
      cb_buf_add_char(json, ',');
    }
    add_header(json, "x-goog-cloud-target-resource", audience);
    cb_buf_printf(json, "],\"method\":\"POST\",\"url\":\"%s\"}", signing->url);
  }
  vtx_secret_buf_release(&authorization);
  return good && !json->failed;
}

static bool texts_ok(const struct vtx_aws_identity *identity, const char *url,
                     const char *audience) {
  const char *token = identity->session_token;

  return vtx_jwt_text_ok(identity->access_key) &&
         vtx_jwt_text_ok(identity->region) && vtx_jwt_text_ok(url) &&
         vtx_jwt_text_ok(audience) && (!token || vtx_jwt_text_ok(token)) &&
         strspn(identity->region, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
             strlen(identity->region);
}

bool vtx_aws_subject_token(const struct vtx_aws_identity *identity,
                           const char *url, const char *audience, int64_t now,
                           struct cb_buf *buf) {
  struct signing signing = {.identity = identity};
  struct cb_buf json;
  bool good;

  if (!texts_ok(identity, url, audience) || !fill_region(&signing, url) ||
      !part_url(&signing) || !set_time(&signing, now)) {
    return false;
  }
  vtx_secret_buf_init(&json);
  good = add_json(&signing, audience, &json);
  if (good) vtx_encode_percent(buf, json.data, "/");
  vtx_secret_buf_release(&json);
  return good && !buf->failed;
}
