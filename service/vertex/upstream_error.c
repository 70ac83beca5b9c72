#include "service/vertex/upstream_error.h"

#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "service/vertex/codec.h"
#include "service/vertex/reasons.h"
#include "service/vertex/upstream_detail.h"

/* First the envelope is found and its details are gathered, then the reason is
 * chosen from all of it, and only then the status is written. */

#define MAX_TEXT 2000

/* --- reasons ------------------------------------------------------------- */

static enum vtx_reason reason_of_code(enum cb_code code) {
  static const enum vtx_reason reasons[] = {
      [CB_OK] = VTX_UPSTREAM_MALFORMED,
      [CB_CANCELLED] = VTX_UPSTREAM_CANCELLED,
      [CB_UNKNOWN] = VTX_UPSTREAM_UNKNOWN,
      [CB_INVALID_ARGUMENT] = VTX_UPSTREAM_INVALID_ARGUMENT,
      [CB_DEADLINE_EXCEEDED] = VTX_UPSTREAM_TIMEOUT,
      [CB_NOT_FOUND] = VTX_UPSTREAM_NOT_FOUND,
      [CB_ALREADY_EXISTS] = VTX_UPSTREAM_ALREADY_EXISTS,
      [CB_PERMISSION_DENIED] = VTX_UPSTREAM_PERMISSION_DENIED,
      [CB_RESOURCE_EXHAUSTED] = VTX_UPSTREAM_QUOTA_EXHAUSTED,
      [CB_FAILED_PRECONDITION] = VTX_UPSTREAM_FAILED_PRECONDITION,
      [CB_ABORTED] = VTX_UPSTREAM_ABORTED,
      [CB_OUT_OF_RANGE] = VTX_UPSTREAM_OUT_OF_RANGE,
      [CB_UNIMPLEMENTED] = VTX_UPSTREAM_UNIMPLEMENTED,
      [CB_INTERNAL] = VTX_UPSTREAM_INTERNAL,
      [CB_UNAVAILABLE] = VTX_UPSTREAM_UNAVAILABLE,
      [CB_DATA_LOSS] = VTX_UPSTREAM_DATA_LOSS,
      [CB_UNAUTHENTICATED] = VTX_UPSTREAM_UNAUTHENTICATED,
  };

  return reasons[code];
}

/* For answers that do not name their status. */
static enum vtx_reason reason_of_http(int http) {
  static const struct {
    int http;
    enum vtx_reason reason;
  } table[] = {
      {400, VTX_UPSTREAM_INVALID_ARGUMENT},
      {401, VTX_UPSTREAM_UNAUTHENTICATED},
      {403, VTX_UPSTREAM_PERMISSION_DENIED},
      {404, VTX_UPSTREAM_NOT_FOUND},
      {408, VTX_UPSTREAM_REQUEST_TIMEOUT},
      {409, VTX_UPSTREAM_ABORTED},
      {412, VTX_UPSTREAM_FAILED_PRECONDITION},
      {413, VTX_UPSTREAM_REQUEST_TOO_LARGE},
      {416, VTX_UPSTREAM_OUT_OF_RANGE},
      {429, VTX_UPSTREAM_QUOTA_EXHAUSTED},
      {499, VTX_UPSTREAM_CANCELLED},
      {501, VTX_UPSTREAM_UNIMPLEMENTED},
      {502, VTX_UPSTREAM_UNAVAILABLE},
      {503, VTX_UPSTREAM_UNAVAILABLE},
      {504, VTX_UPSTREAM_TIMEOUT},
  };

  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (table[i].http == http) return table[i].reason;
  }
  if (http == 0) return VTX_UPSTREAM_UNKNOWN; /* in mid-stream */
  if (http >= 400 && http < 500) return VTX_UPSTREAM_FAILED_PRECONDITION;
  if (http >= 500 && http < 600) return VTX_UPSTREAM_INTERNAL;
  return VTX_UPSTREAM_MALFORMED;
}

static bool mentions(const char *text, const char *word) {
  return strcasestr(text, word) != NULL;
}

static enum vtx_reason refine_permission(const struct vtx_upstream_detail *d) {
  if (strcmp(d->reason, "SERVICE_DISABLED") == 0)
    return VTX_UPSTREAM_API_DISABLED;
  if (mentions(d->message, "storage.objects") ||
      mentions(d->message, "gs://") || mentions(d->message, "Cloud Storage"))
    return VTX_UPSTREAM_FILE_ACCESS_DENIED;
  return VTX_UPSTREAM_PERMISSION_DENIED;
}

/* Google has one NOT_FOUND for all; what is missing stands in the text. */
static enum vtx_reason refine_not_found(const struct vtx_upstream_detail *d) {
  if (d->html) return VTX_LOCATION_NOT_FOUND;
  if (mentions(d->message, "cache") || mentions(d->message, "gs://"))
    return VTX_UPSTREAM_NOT_FOUND;
  if (mentions(d->message, "model") || mentions(d->message, "endpoint"))
    return VTX_MODEL_NOT_FOUND;
  return VTX_UPSTREAM_NOT_FOUND;
}

static enum vtx_reason choose_reason(const struct vtx_upstream_detail *d,
                                     int http) {
  enum cb_code code;
  enum vtx_reason reason = reason_of_http(http);

  if (cb_code_from_name(d->status, &code) && code != CB_OK)
    reason = reason_of_code(code);
  /* These two HTTP codes say more than the status beside them. */
  if (http == 413) reason = VTX_UPSTREAM_REQUEST_TOO_LARGE;
  if (http == 408) reason = VTX_UPSTREAM_REQUEST_TIMEOUT;
  if (strcmp(d->reason, "API_KEY_INVALID") == 0)
    return VTX_UPSTREAM_UNAUTHENTICATED;
  if (reason == VTX_UPSTREAM_PERMISSION_DENIED) return refine_permission(d);
  if (reason == VTX_UPSTREAM_NOT_FOUND) return refine_not_found(d);
  return reason;
}

/* --- the status ---------------------------------------------------------- */

static const char *explain(enum vtx_reason reason) {
  switch (reason) {
    case VTX_UPSTREAM_UNAUTHENTICATED:
      return "Vertex AI does not accept the server's credential: ";
    case VTX_UPSTREAM_PERMISSION_DENIED:
      return "the server's credential lacks a permission: ";
    case VTX_LOCATION_NOT_FOUND:
      return "no Vertex AI here, the location's name is likely wrong: ";
    default:
      return "";
  }
}

/* Google's generic text says nothing; the cause is then in DebugInfo, or in
 * what BadRequest says of its field. */
static const char *more_text(const struct vtx_upstream_detail *d) {
  static const char generic[] = "Request contains an invalid argument";

  if (strncmp(d->message, generic, sizeof generic - 1) != 0) return "";
  return *d->debug ? d->debug : d->field_text;
}

static struct cb_status write_status(const struct vtx_upstream_detail *d,
                                     int http, struct cb_arena *arena) {
  enum vtx_reason reason = choose_reason(d, http);
  const char *more = more_text(d);
  struct cb_status status;

  if (*d->message)
    status = vtx_fail(arena, reason, "%s%s%s%s", explain(reason), d->message,
                      *more ? " " : "", more);
  else
    status = vtx_fail(arena, reason, "%sHTTP %d without a text",
                      explain(reason), http);
  status.http_status = http;
  status.field = d->field;
  status.retry_after = d->retry_after;
  status.quota = d->quota;
  status.quota_count = d->quota_count;
  for (size_t i = 0; i < d->pair_count; i++)
    cb_status_add(&status, arena, d->pairs[i].key, d->pairs[i].value);
  return status;
}

/* --- bodies -------------------------------------------------------------- */

/* The error in an envelope, or in an array of one; NULL if there is none. */
static struct json_object *find_error(struct json_object *object) {
  struct json_object *error = NULL;

  if (json_object_is_type(object, json_type_array) &&
      json_object_array_length(object) > 0)
    object = json_object_array_get_idx(object, 0);
  if (!json_object_is_type(object, json_type_object)) return NULL;
  json_object_object_get_ex(object, "error", &error);
  if (json_object_is_type(error, json_type_object) ||
      json_object_is_type(error, json_type_string))
    return error;
  return NULL;
}

static bool looks_html(const char *text) {
  while (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')
    text++;
  return *text == '<';
}

/* The page's title, as far as it has one; else the beginning of the text. */
static const char *html_text(const char *page, struct cb_arena *arena) {
  const char *from = strcasestr(page, "<title>");
  const char *to = from ? strcasestr(from, "</title>") : NULL;
  const char *title;

  if (!to) return page;
  from += strlen("<title>");
  title = cb_arena_memdup(arena, from, (size_t)(to - from));
  return title ? title : page;
}

/* Text that is no envelope: its beginning is all there is to tell. */
static void read_plain(struct vtx_upstream_detail *d, const char *body,
                       size_t size, struct cb_arena *arena) {
  size_t cut = cb_utf8_cut(body, size, MAX_TEXT);
  char *text = cb_arena_alloc(arena, 3 * cut + 1);

  if (!text) return;
  cb_utf8_clean(body, cut, text, NULL);
  d->html = looks_html(text);
  d->message = d->html ? html_text(text, arena) : text;
}

static bool starts_as_json(const char *body, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (!strchr(" \t\r\n", body[i]) || body[i] == '\0')
      return body[i] == '{' || body[i] == '[';
  }
  return false;
}

struct cb_status vtx_upstream_error(int http_status, const char *body,
                                    size_t size, int64_t retry_after,
                                    struct cb_arena *arena) {
  struct vtx_upstream_detail detail;
  struct json_object *object = NULL;
  struct json_object *error = NULL;
  struct cb_status status;

  if (size > VTX_ERROR_BYTES) size = VTX_ERROR_BYTES;
  vtx_upstream_detail_init(&detail);
  if (starts_as_json(body, size) &&
      vtx_json_parse(body, size, arena, &object).code == CB_OK)
    error = find_error(object);
  if (error)
    vtx_upstream_detail_read(&detail, error, object, arena);
  else
    read_plain(&detail, body, size, arena);
  if (detail.retry_after < 0) detail.retry_after = retry_after;
  status = write_status(&detail, http_status, arena);
  json_object_put(object);
  return status;
}

bool vtx_upstream_error_in(struct json_object *object, struct cb_arena *arena,
                           struct cb_status *ret_status) {
  struct vtx_upstream_detail detail;
  struct json_object *error = find_error(object);

  if (!error) return false;
  vtx_upstream_detail_init(&detail);
  vtx_upstream_detail_read(&detail, error, object, arena);
  *ret_status = write_status(&detail, detail.code, arena);
  return true;
}

bool vtx_upstream_error_hits_all(const struct cb_status *status) {
  static const enum vtx_reason reasons[] = {
      VTX_UPSTREAM_UNAUTHENTICATED, VTX_UPSTREAM_PERMISSION_DENIED,
      VTX_UPSTREAM_API_DISABLED,    VTX_MODEL_NOT_FOUND,
      VTX_LOCATION_NOT_FOUND,       VTX_CREDENTIAL_UNAVAILABLE};

  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (vtx_reason_is(status, reasons[i])) return true;
  }
  return false;
}
