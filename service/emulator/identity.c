#include "service/emulator/identity.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "service/emulator/identity_internal.h"
#include "service/emulator/render.h"

#define USUAL_LIFE 3600
#define MOST_BODY ((size_t)64 << 10)
#define JSON "application/json; charset=utf-8"

static const char *const place_names[VTX_EMU_PLACES] = {
    "token", "sts", "iam", "metadata", "aws", "subject"};

static const char *const fault_names[] = {"none",     "http_500", "http_503",
                                          "hang",     "reset",    "revoked",
                                          "not_json", "no_token"};

static void settle(struct vtx_emu_identity *identity) {
  identity->fault = VTX_EMU_IDENTITY_FINE;
  identity->fault_place = -1;
  identity->fail_times = -1;
  identity->latency = 0;
  identity->expires_in = USUAL_LIFE;
  identity->clock_offset = 0;
}

void vtx_emu_identity_init(struct vtx_emu_identity *identity,
                           const char *public_key, bool required) {
  memset(identity, 0, sizeof *identity);
  identity->public_key = public_key;
  identity->required = required;
  settle(identity);
}

void vtx_emu_identity_release(struct vtx_emu_identity *identity) {
  free(identity->own_key);
}

void vtx_emu_identity_forget(struct vtx_emu_identity *identity) {
  memset(identity->issued, 0, sizeof identity->issued);
}

void vtx_emu_identity_reset(struct vtx_emu_identity *identity) {
  settle(identity);
  vtx_emu_identity_forget(identity);
  memset(identity->asked, 0, sizeof identity->asked);
  identity->refused = 0;
  identity->rotation = 0;
}

int64_t vtx_emu_identity_time(const struct vtx_emu_identity *identity) {
  return (int64_t)time(NULL) + identity->clock_offset;
}

/* --- replies ----------------------------------------------------------------
 */

void vtx_emu_visit_reply(struct vtx_emu_visit *visit, unsigned status,
                         const char *type, const char *body) {
  struct vtx_emu_reply *reply = visit->reply;
  char *copy = cb_arena_strdup(visit->request->arena, body);

  reply->status = status;
  reply->content_type = type;
  if (status >= 400) visit->identity->refused++;
  if (!copy ||
      !vtx_emu_reply_set(reply, visit->request->arena, copy, strlen(copy))) {
    reply->status = 500;
  }
}

void vtx_emu_visit_refuse(struct vtx_emu_visit *visit, unsigned status,
                          const char *code, const char *text) {
  struct cb_buf buf;
  struct cb_json json;

  cb_buf_init(&buf, MOST_BODY, NULL);
  cb_json_init(&json, &buf);
  cb_json_begin_object(&json);
  cb_json_key(&json, "error");
  cb_json_string(&json, code);
  cb_json_key(&json, "error_description");
  cb_json_string(&json, text);
  cb_json_end_object(&json);
  vtx_emu_visit_reply(visit, status, JSON, buf.failed ? "{}" : buf.data);
  cb_buf_release(&buf);
}

const char *vtx_emu_identity_issue(struct vtx_emu_identity *identity,
                                   bool cloud) {
  struct vtx_emu_issued *issued =
      &identity->issued[identity->issued_count % VTX_EMU_ISSUED];

  identity->issued_count++;
  snprintf(issued->token, sizeof issued->token, "ya29.emulated-%llu..",
           (unsigned long long)identity->issued_count);
  issued->ends = (int64_t)time(NULL) + identity->expires_in;
  issued->cloud = cloud;
  return issued->token;
}

void vtx_emu_visit_give(struct vtx_emu_visit *visit, bool cloud,
                        const char *more) {
  struct vtx_emu_identity *identity = visit->identity;
  char body[512];

  snprintf(body, sizeof body,
           "{\"access_token\":\"%s\",\"expires_in\":%lld,"
           "\"token_type\":\"Bearer\"%s}",
           vtx_emu_identity_issue(identity, cloud),
           (long long)identity->expires_in, more);
  vtx_emu_visit_reply(visit, 200, JSON, body);
}

/* The token behind "Bearer "; NULL if there is none. */
static const char *bearer(const char *authorization) {
  static const char scheme[] = "Bearer ";
  size_t size = sizeof scheme - 1;

  return authorization && strncasecmp(authorization, scheme, size) == 0
             ? authorization + size
             : NULL;
}

bool vtx_emu_identity_knows(const struct vtx_emu_identity *identity,
                            const char *authorization, bool cloud) {
  const char *token = bearer(authorization);
  int64_t now = (int64_t)time(NULL);

  for (size_t i = 0; token && *token && i < VTX_EMU_ISSUED; i++) {
    const struct vtx_emu_issued *issued = &identity->issued[i];

    if (strcmp(issued->token, token) == 0) {
      return issued->ends > now && (issued->cloud || !cloud);
    }
  }
  return false;
}

bool vtx_emu_identity_admits(const struct vtx_emu_identity *identity,
                             const char *authorization) {
  const char *token = bearer(authorization);

  if (!token) return false;
  if (vtx_emu_identity_knows(identity, authorization, true)) return true;
  return strchr(token, '.') && !vtx_emu_jwt_trouble(identity, token, false);
}

/* --- paths and faults -------------------------------------------------------
 */

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with) {
  size_t size = strlen(text);
  size_t end = strlen(with);

  return size >= end && strcmp(text + size - end, with) == 0;
}

/* Which place the path is; VTX_EMU_PLACES: none. */
static enum vtx_emu_place place_of(const struct vtx_emu_request *request) {
  const char *path = request->path;
  bool post = strcmp(request->method, "POST") == 0;

  if (post && strcmp(path, "/token") == 0) return VTX_EMU_TOKEN;
  if (post && strcmp(path, "/v1/token") == 0) return VTX_EMU_STS;
  if (post && begins(path, "/v1/projects/-/serviceAccounts/") &&
      ends(path, ":generateAccessToken")) {
    return VTX_EMU_IAM;
  }
  if (post) return VTX_EMU_PLACES;
  if (strcmp(path, "/") == 0 || begins(path, "/computeMetadata/")) {
    return VTX_EMU_METADATA;
  }
  if (begins(path, "/latest/")) return VTX_EMU_AWS;
  return strcmp(path, "/subject-token") == 0 ? VTX_EMU_SUBJECT : VTX_EMU_PLACES;
}

static bool fails_now(struct vtx_emu_identity *identity,
                      enum vtx_emu_place place) {
  if (identity->fault == VTX_EMU_IDENTITY_FINE) return false;
  if (identity->fault_place >= 0 && identity->fault_place != (int)place) {
    return false;
  }
  if (identity->fail_times == 0) return false;
  if (identity->fail_times > 0) identity->fail_times--;
  return true;
}

static void fail(struct vtx_emu_visit *visit) {
  struct vtx_emu_reply *reply = visit->reply;

  switch (visit->identity->fault) {
    case VTX_EMU_IDENTITY_FINE:
      break;
    case VTX_EMU_IDENTITY_500:
      vtx_emu_visit_refuse(visit, 500, "internal_failure", "Emulated.");
      break;
    case VTX_EMU_IDENTITY_503:
      vtx_emu_visit_reply(visit, 503, "text/html", "<p>Unavailable</p>");
      break;
    case VTX_EMU_IDENTITY_HANG:
      reply->status = 0;
      reply->ending = VTX_EMU_END_HANG;
      break;
    case VTX_EMU_IDENTITY_RESET:
      reply->status = 0;
      reply->ending = VTX_EMU_END_RESET;
      break;
    case VTX_EMU_IDENTITY_REVOKED:
      vtx_emu_visit_refuse(visit, 400, "invalid_grant",
                           "Token has been expired or revoked.");
      break;
    case VTX_EMU_IDENTITY_NOT_JSON:
      vtx_emu_visit_reply(visit, 200, "text/plain", "{\"access_token\":");
      break;
    case VTX_EMU_IDENTITY_NO_TOKEN:
      vtx_emu_visit_reply(visit, 200, JSON, "{\"expires_in\":3599}");
      break;
  }
}

bool vtx_emu_identity_respond(struct vtx_emu_identity *identity,
                              const struct vtx_emu_request *request,
                              struct vtx_emu_reply *reply) {
  static void (*const answers[VTX_EMU_PLACES])(struct vtx_emu_visit *) = {
      vtx_emu_identity_token,    vtx_emu_identity_sts, vtx_emu_identity_iam,
      vtx_emu_identity_metadata, vtx_emu_identity_aws, vtx_emu_identity_subject,
  };
  enum vtx_emu_place place = place_of(request);
  struct vtx_emu_visit visit = {identity, request, reply};

  if (place == VTX_EMU_PLACES || request->too_large) return false;
  *reply = (struct vtx_emu_reply){.status = 200, .end_after = UINT64_MAX};
  identity->asked[place]++;
  if (fails_now(identity, place)) {
    fail(&visit);
  } else {
    answers[place](&visit);
  }
  reply->delay = identity->latency;
  return true;
}

/* --- forms ------------------------------------------------------------------
 */

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *vtx_emu_percent_decode(const struct vtx_emu_request *request,
                                   const char *text, size_t size,
                                   bool plus_too) {
  char *out = cb_arena_alloc(request->arena, size + 1);
  size_t len = 0;

  if (!out) return NULL;
  for (size_t i = 0; i < size; i++) {
    char c = text[i];

    if (c == '%') {
      int high = i + 2 < size ? digit(text[i + 1]) : -1;
      int low = i + 2 < size ? digit(text[i + 2]) : -1;

      if (high < 0 || low < 0) return NULL;
      c = (char)(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_too) {
      c = ' ';
    }
    out[len++] = c;
  }
  out[len] = '\0';
  return out;
}

const char *vtx_emu_form(const struct vtx_emu_request *request,
                         const char *name) {
  const char *at = request->body;
  const char *end = request->body + request->body_size;
  size_t name_size = strlen(name);

  while (at < end) {
    const char *stop = memchr(at, '&', (size_t)(end - at));
    size_t size = (size_t)((stop ? stop : end) - at);

    if (size > name_size && strncmp(at, name, name_size) == 0 &&
        at[name_size] == '=') {
      return vtx_emu_percent_decode(request, at + name_size + 1,
                                    size - name_size - 1, true);
    }
    at += size + 1;
  }
  return NULL;
}

/* --- control ----------------------------------------------------------------
 */

/* The place of text among names; -1 if it is none. */
static int find(const char *text, const char *const names[], int count) {
  for (int i = 0; i < count; i++) {
    if (strcmp(text, names[i]) == 0) return i;
  }
  return -1;
}

static bool set_key(struct vtx_emu_identity *identity, const char *pem) {
  char *copy = strdup(pem);

  if (!copy) return false;
  free(identity->own_key);
  identity->own_key = copy;
  identity->public_key = copy;
  return true;
}

static bool set_one(struct vtx_emu_identity *identity, const char *key,
                    struct json_object *value) {
  const char *text = json_object_get_string(value);
  int64_t number = json_object_get_int64(value);
  int found;

  if (strcmp(key, "fault") == 0) {
    found = find(text, fault_names, 8);
    if (found >= 0) identity->fault = (enum vtx_emu_identity_fault)found;
    return found >= 0;
  }
  if (strcmp(key, "place") == 0) {
    identity->fault_place = find(text, place_names, VTX_EMU_PLACES);
    return identity->fault_place >= 0;
  }
  if (strcmp(key, "fail_times") == 0) identity->fail_times = number;
  if (strcmp(key, "latency_ms") == 0) {
    identity->latency = number * CB_MILLISECOND;
  }
  if (strcmp(key, "expires_in") == 0) identity->expires_in = number;
  if (strcmp(key, "clock_offset") == 0) {
    identity->clock_offset = number;
    return true; /* may be negative */
  }
  if (strcmp(key, "forget") == 0) vtx_emu_identity_forget(identity);
  if (strcmp(key, "public_key") == 0) return set_key(identity, text);
  return number >= 0 && number <= 1000000 &&
         (strcmp(key, "fail_times") == 0 || strcmp(key, "latency_ms") == 0 ||
          strcmp(key, "expires_in") == 0 || strcmp(key, "forget") == 0);
}

bool vtx_emu_identity_set(struct vtx_emu_identity *identity,
                          const struct json_object *body,
                          const char **ret_trouble) {
  *ret_trouble = "Emulator: no such setting, or no such value of it.";
  if (!json_object_is_type(body, json_type_object)) return false;
  settle(identity);
  json_object_object_foreach(body, key, value) {
    if (!value || !set_one(identity, key, value)) {
      settle(identity);
      return false;
    }
  }
  return true;
}

void vtx_emu_identity_write(const struct vtx_emu_identity *identity,
                            struct cb_buf *buf) {
  cb_buf_add_text(buf, "{");
  for (int i = 0; i < VTX_EMU_PLACES; i++) {
    cb_buf_printf(buf, "\"%s\":%llu,", place_names[i],
                  (unsigned long long)identity->asked[i]);
  }
  cb_buf_printf(buf, "\"issued\":%llu,\"refused\":%llu}",
                (unsigned long long)identity->issued_count,
                (unsigned long long)identity->refused);
}
