/* Checks Amazon's signed question as Google would have Amazon check it: the
 * signature is computed anew from what was sent. */
#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "service/emulator/identity_internal.h"

#define HASH 32
#define TARGET "x-goog-cloud-target-resource"
#define URL_START "https://sts."

struct question {
  struct json_object *headers;
  const char *url;
  char host[128];
  const char *query;
  char region[64];
};

/* The value of a header; NULL if it is missing. */
static const char *value_of(struct json_object *headers, const char *name) {
  for (size_t i = 0; i < json_object_array_length(headers); i++) {
    struct json_object *header = json_object_array_get_idx(headers, i);
    struct json_object *key = NULL;
    struct json_object *value = NULL;

    if (json_object_object_get_ex(header, "key", &key) &&
        json_object_object_get_ex(header, "value", &value) &&
        strcmp(json_object_get_string(key), name) == 0) {
      return json_object_get_string(value);
    }
  }
  return NULL;
}

static bool read_url(struct question *question) {
  const char *host = question->url + strlen("https://");
  const char *region = question->url + strlen(URL_START);

  if (strncmp(question->url, URL_START, strlen(URL_START)) != 0) return false;
  snprintf(question->host, sizeof question->host, "%.*s",
           (int)strcspn(host, "?/"), host);
  snprintf(question->region, sizeof question->region, "%.*s",
           (int)strcspn(region, "."), region);
  question->query = strchr(host, '?');
  return question->query && strstr(question->host, ".amazonaws.com") &&
         strcmp(question->query,
                "?Action=GetCallerIdentity&Version=2011-06-15") == 0;
}

static void hex(const uint8_t hash[HASH], char out[2 * HASH + 1]) {
  for (size_t i = 0; i < HASH; i++)
    snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static void sha(const char *text, char out[2 * HASH + 1]) {
  uint8_t hash[EVP_MAX_MD_SIZE] = {0};

  EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL);
  hex(hash, out);
}

static void mac(uint8_t key[HASH], size_t size, const void *start,
                const char *text) {
  uint8_t out[EVP_MAX_MD_SIZE] = {0};

  HMAC(EVP_sha256(), start, (int)size, (const unsigned char *)text,
       strlen(text), out, NULL);
  memcpy(key, out, HASH);
}

/* What Authorization should be. */
static const char *expected(const struct vtx_emu_request *request,
                            const struct question *question) {
  const char *when = value_of(question->headers, "x-amz-date");
  const char *token = value_of(question->headers, "x-amz-security-token");
  static const char nothing[] =
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  static const char first[] = "AWS4" VTX_EMU_AWS_SECRET;
  const char *names =
      token ? "host;x-amz-date;x-amz-security-token" : "host;x-amz-date";
  const char *canonical = cb_arena_printf(
      request->arena, "POST\n/\n%s\nhost:%s\nx-amz-date:%s\n%s%s%s\n%s\n%s",
      question->query + 1, question->host, when,
      token ? "x-amz-security-token:" : "", token ? token : "",
      token ? "\n" : "", names, nothing);
  char digest[2 * HASH + 1];
  const char *text;
  const char *scope = cb_arena_printf(
      request->arena, "%.8s/%s/sts/aws4_request", when, question->region);
  uint8_t key[HASH];

  if (!canonical || !scope) return NULL;
  sha(canonical, digest);
  text = cb_arena_printf(request->arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", when,
                         scope, digest);
  if (!text) return NULL;
  mac(key, sizeof first - 1, first,
      cb_arena_printf(request->arena, "%.8s", when));
  mac(key, HASH, key, question->region);
  mac(key, HASH, key, "sts");
  mac(key, HASH, key, "aws4_request");
  mac(key, HASH, key, text);
  hex(key, digest);
  return cb_arena_printf(request->arena,
                         "AWS4-HMAC-SHA256 Credential=" VTX_EMU_AWS_KEY
                         "/%s, SignedHeaders=%s, Signature=%s",
                         scope, names, digest);
}

static const char *question_trouble(const struct vtx_emu_request *request,
                                    struct question *question,
                                    const char *audience) {
  const char *target = value_of(question->headers, TARGET);
  const char *host = value_of(question->headers, "host");
  const char *when = value_of(question->headers, "x-amz-date");
  const char *given = value_of(question->headers, "Authorization");
  const char *wanted;

  if (!read_url(question)) return "The AWS url is not GetCallerIdentity.";
  if (!target || !audience || strcmp(target, audience) != 0) {
    return "The AWS request is not meant for this audience.";
  }
  if (!host || strcmp(host, question->host) != 0 || !when ||
      strlen(when) != 16 || !given) {
    return "The AWS request lacks a header.";
  }
  wanted = expected(request, question);
  return wanted && strcmp(wanted, given) == 0
             ? NULL
             : "The AWS request's signature does not match.";
}

const char *vtx_emu_aws_trouble(const struct vtx_emu_request *request,
                                const char *token, const char *audience) {
  const char *text =
      vtx_emu_percent_decode(request, token, strlen(token), false);
  struct json_object *object = text ? json_tokener_parse(text) : NULL;
  struct json_object *url = NULL;
  struct json_object *method = NULL;
  struct question question = {.headers = NULL};
  const char *trouble = "The AWS request is no JSON object of that form.";

  if (object &&
      json_object_object_get_ex(object, "headers", &question.headers) &&
      json_object_is_type(question.headers, json_type_array) &&
      json_object_object_get_ex(object, "url", &url) &&
      json_object_object_get_ex(object, "method", &method) &&
      strcmp(json_object_get_string(method), "POST") == 0) {
    question.url = json_object_get_string(url);
    trouble = question_trouble(request, &question, audience);
  }
  json_object_put(object);
  return trouble;
}
