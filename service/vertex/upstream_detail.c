#include "service/vertex/upstream_detail.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "service/vertex/codec_internal.h"

#define MAX_TEXT 2000
#define MAX_VALUE 512
#define MAX_KEY 64
#define MAX_DETAILS 32

struct reader {
  struct vtx_upstream_detail *detail;
  struct cb_arena *arena;
};

void vtx_upstream_detail_init(struct vtx_upstream_detail *detail) {
  *detail = (struct vtx_upstream_detail){.message = "",
                                         .status = "",
                                         .reason = "",
                                         .field = "",
                                         .field_text = "",
                                         .debug = "",
                                         .retry_after = -1};
}

static struct json_object *member(struct json_object *object,
                                  const char *name) {
  struct json_object *value = NULL;

  if (!json_object_is_type(object, json_type_object)) return NULL;
  json_object_object_get_ex(object, name, &value);
  return value;
}

/* A copy of a string, without NUL, at most max bytes; "" for other kinds. */
static const char *text_of(struct json_object *value, size_t max,
                           struct cb_arena *arena) {
  const char *from;
  size_t size;
  char *text;

  if (!json_object_is_type(value, json_type_string)) return "";
  from = json_object_get_string(value);
  size = cb_utf8_cut(from, (size_t)json_object_get_string_len(value), max);
  text = cb_arena_alloc(arena, 3 * size + 1);
  if (!text) return "";
  cb_utf8_clean(from, size, text, NULL);
  return text;
}

static const char *text_at(struct reader *reader, struct json_object *object,
                           const char *name) {
  return text_of(member(object, name), MAX_VALUE, reader->arena);
}

static void add(struct reader *reader, const char *key, const char *value) {
  struct vtx_upstream_detail *detail = reader->detail;

  if (!*value || detail->pair_count == VTX_DETAIL_PAIRS) return;
  detail->pairs[detail->pair_count++] = (struct cb_pair){key, value};
}

static struct json_object *first_of(struct json_object *list) {
  if (!json_object_is_type(list, json_type_array)) return NULL;
  if (json_object_array_length(list) == 0) return NULL;
  return json_object_array_get_idx(list, 0);
}

/* --- the kinds of detail ------------------------------------------------- */

static void read_error_info(struct reader *reader, struct json_object *info) {
  struct json_object *metadata = member(info, "metadata");

  reader->detail->reason = text_at(reader, info, "reason");
  add(reader, "upstream_reason", reader->detail->reason);
  add(reader, "upstream_domain", text_at(reader, info, "domain"));
  if (!json_object_is_type(metadata, json_type_object)) return;
  for (struct lh_entry *at = json_object_get_object(metadata)->head;
       at && reader->detail->pair_count < VTX_DETAIL_PAIRS; at = at->next) {
    const char *name = lh_entry_k(at);
    size_t size = cb_utf8_cut(name, strlen(name), MAX_KEY);
    char *key =
        cb_arena_printf(reader->arena, "upstream_%.*s", (int)size, name);

    if (!key) return;
    add(reader, key,
        text_of((struct json_object *)lh_entry_v(at), MAX_VALUE,
                reader->arena));
  }
}

static void read_retry_info(struct reader *reader, struct json_object *info) {
  int64_t seconds;
  int32_t nanos;

  if (!vtx_duration_parse(text_at(reader, info, "retryDelay"), &seconds,
                          &nanos))
    return;
  if (seconds < 0 || nanos < 0) return;
  if (seconds > INT64_MAX / CB_SECOND - 1) seconds = INT64_MAX / CB_SECOND - 1;
  reader->detail->retry_after = seconds * CB_SECOND + nanos;
}

static const char *first_text(struct reader *reader, struct json_object *from,
                              const char *const *names) {
  for (; *names; names++) {
    const char *text = text_at(reader, from, *names);

    if (*text) return text;
  }
  return "";
}

static void read_quota(struct reader *reader, struct json_object *failure) {
  static const char *const subjects[] = {"subject", "quotaMetric", "quotaId",
                                         NULL};
  static const char *const descriptions[] = {"description", "quotaId",
                                             "quotaMetric", NULL};
  struct vtx_upstream_detail *detail = reader->detail;
  struct json_object *list = member(failure, "violations");
  size_t count;

  if (detail->quota || !json_object_is_type(list, json_type_array)) return;
  count = json_object_array_length(list);
  if (count > VTX_DETAIL_QUOTAS) count = VTX_DETAIL_QUOTAS;
  detail->quota = cb_arena_zalloc(reader->arena, count, sizeof *detail->quota);
  if (!detail->quota) return;
  for (size_t i = 0; i < count; i++) {
    struct json_object *violation = json_object_array_get_idx(list, i);

    detail->quota[i].subject = first_text(reader, violation, subjects);
    detail->quota[i].description = first_text(reader, violation, descriptions);
  }
  detail->quota_count = count;
}

static void read_bad_request(struct reader *reader, struct json_object *bad) {
  struct json_object *first = first_of(member(bad, "fieldViolations"));

  reader->detail->field = text_at(reader, first, "field");
  reader->detail->field_text = text_at(reader, first, "description");
}

static void read_precondition(struct reader *reader,
                              struct json_object *failure) {
  struct json_object *first = first_of(member(failure, "violations"));

  add(reader, "upstream_precondition", text_at(reader, first, "description"));
}

static void read_help(struct reader *reader, struct json_object *help) {
  add(reader, "upstream_help",
      text_at(reader, first_of(member(help, "links")), "url"));
}

static void read_debug(struct reader *reader, struct json_object *info) {
  reader->detail->debug =
      text_of(member(info, "detail"), MAX_TEXT / 2, reader->arena);
}

static void read_request_info(struct reader *reader, struct json_object *info) {
  add(reader, "upstream_request_id", text_at(reader, info, "requestId"));
}

static void read_resource_info(struct reader *reader,
                               struct json_object *info) {
  add(reader, "upstream_resource", text_at(reader, info, "resourceName"));
}

static void read_detail(struct reader *reader, struct json_object *detail) {
  static const struct {
    const char *type;
    void (*read)(struct reader *reader, struct json_object *detail);
  } kinds[] = {
      {"google.rpc.ErrorInfo", read_error_info},
      {"google.rpc.RetryInfo", read_retry_info},
      {"google.rpc.QuotaFailure", read_quota},
      {"google.rpc.BadRequest", read_bad_request},
      {"google.rpc.PreconditionFailure", read_precondition},
      {"google.rpc.Help", read_help},
      {"google.rpc.DebugInfo", read_debug},
      {"google.rpc.RequestInfo", read_request_info},
      {"google.rpc.ResourceInfo", read_resource_info},
  };
  const char *type = text_at(reader, detail, "@type");
  const char *slash = strrchr(type, '/');

  if (slash) type = slash + 1;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].type, type) == 0) kinds[i].read(reader, detail);
  }
}

/* --- the envelope -------------------------------------------------------- */

/* The older list, which Google's front ends add to the envelope or send alone:
 * [{"message", "domain", "reason"}]. */
static void read_legacy(struct reader *reader, struct json_object *error) {
  struct json_object *first = first_of(member(error, "errors"));
  struct vtx_upstream_detail *detail = reader->detail;

  if (!*detail->message)
    detail->message =
        text_of(member(first, "message"), MAX_TEXT, reader->arena);
  if (*detail->reason) return;
  detail->reason = text_at(reader, first, "reason");
  add(reader, "upstream_reason", detail->reason);
}

/* The first of them: an upstream must not fill the memory of the job. */
static void read_details(struct reader *reader, struct json_object *details) {
  size_t count;

  if (!json_object_is_type(details, json_type_array)) return;
  count = json_object_array_length(details);
  for (size_t i = 0; i < count && i < MAX_DETAILS; i++)
    read_detail(reader, json_object_array_get_idx(details, i));
}

static void read_object(struct reader *reader, struct json_object *error) {
  struct vtx_upstream_detail *detail = reader->detail;
  int32_t code = json_object_get_int(member(error, "code"));

  detail->message = text_of(member(error, "message"), MAX_TEXT, reader->arena);
  detail->status = text_at(reader, error, "status");
  add(reader, "upstream_status", detail->status);
  if (code >= 100 && code <= 599) detail->code = code;
  read_details(reader, member(error, "details"));
  read_legacy(reader, error);
}

void vtx_upstream_detail_read(struct vtx_upstream_detail *detail,
                              struct json_object *error,
                              struct json_object *whole,
                              struct cb_arena *arena) {
  struct reader reader = {detail, arena};

  if (json_object_is_type(error, json_type_object)) {
    read_object(&reader, error);
    return;
  }
  detail->reason = text_of(error, MAX_VALUE, arena);
  add(&reader, "upstream_reason", detail->reason);
  detail->message =
      text_of(member(whole, "error_description"), MAX_TEXT, arena);
  if (!*detail->message) detail->message = detail->reason;
}
