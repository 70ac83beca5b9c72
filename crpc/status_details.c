#include "crpc/status_details.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "google/protobuf/any.crpc.h"
#include "google/protobuf/duration.crpc.h"
#include "google/rpc/error_details.crpc.h"
#include "google/rpc/status.crpc.h"

#define MAX_PAIRS 32
#define MAX_QUOTAS 8
#define MAX_WORD 64 /* reasons, domains and keys */
#define MAX_DETAILS 4
#define SCRATCH_MAX ((size_t)1 << 20)
#define SCRATCH_FIRST ((size_t)4096)
#define SECOND INT64_C(1000000000)

/* How long texts may be, and how many of each. */
struct cut {
  size_t value;
  size_t text;
  size_t pairs;
  size_t quotas;
};

/* From almost no cut to one that fits whatever comes in: metadata values give
 * way first, then descriptions and the message. */
static const struct cut cuts[] = {
    {3000, 3000, MAX_PAIRS, MAX_QUOTAS},
    {1500, 3000, 16, 8},
    {700, 1500, 16, 4},
    {300, 1000, 16, 4},
    {100, 700, 16, 2},
    {40, 300, 16, 2},
    {0, 200, 0, 1},
};

struct builder {
  const struct cb_status *status;
  const struct cut *cut;
  struct cb_arena *arena;
  google_protobuf_Any any[MAX_DETAILS];
  google_protobuf_Any *details[MAX_DETAILS];
  size_t detail_count;
  bool failed;
};

/* The text, at most max bytes of it and valid UTF-8, for a protobuf field. */
static char *cut_text(struct builder *b, const char *text, size_t max) {
  size_t size = strlen(text);
  char *copy;

  if (!cb_utf8_valid(text, size)) {
    char *clean = cb_arena_alloc(b->arena, 3 * size + 1);

    if (clean) size = cb_utf8_clean(text, size, clean, NULL);
    text = clean;
  }
  copy = text ? cb_arena_memdup(b->arena, text, cb_utf8_cut(text, size, max))
              : NULL;
  if (copy) return copy;
  b->failed = true;
  return (char *)protobuf_c_empty_string;
}

/* Packs message into the arena. */
static ProtobufCBinaryData pack(struct builder *b,
                                const ProtobufCMessage *message) {
  size_t size = protobuf_c_message_get_packed_size(message);
  uint8_t *bytes = cb_arena_alloc(b->arena, size);

  if (!bytes) {
    b->failed = true;
    return (ProtobufCBinaryData){0, NULL};
  }
  protobuf_c_message_pack(message, bytes);
  return (ProtobufCBinaryData){size, bytes};
}

static void add_detail(struct builder *b, const ProtobufCMessage *message) {
  google_protobuf_Any *any = &b->any[b->detail_count];
  char *url = cb_arena_printf(b->arena, "type.googleapis.com/%s",
                              message->descriptor->name);

  google__protobuf__any__init(any);
  any->value = pack(b, message);
  if (url)
    any->type_url = url;
  else
    b->failed = true;
  b->details[b->detail_count++] = any;
}

struct pairs {
  google_rpc_ErrorInfo_MetadataEntry entries[MAX_PAIRS + 2];
  google_rpc_ErrorInfo_MetadataEntry *list[MAX_PAIRS + 2];
  size_t count;
};

static void add_pair(struct builder *b, struct pairs *pairs, const char *key,
                     const char *value) {
  google_rpc_ErrorInfo_MetadataEntry *entry = &pairs->entries[pairs->count];

  google__rpc__error_info__metadata_entry__init(entry);
  entry->key = cut_text(b, key, MAX_WORD);
  entry->value = cut_text(b, value, b->cut->value);
  pairs->list[pairs->count++] = entry;
}

static void add_error_info(struct builder *b, const char *domain) {
  google_rpc_ErrorInfo info = google_rpc_ErrorInfo_INIT;
  struct pairs pairs = {.count = 0};
  char http_status[16];

  if (!*b->status->reason && b->status->metadata_count == 0) return;
  info.reason = cut_text(b, b->status->reason, MAX_WORD);
  info.domain = cut_text(b, domain, MAX_WORD);
  for (size_t i = 0; i < b->status->metadata_count && i < b->cut->pairs; i++)
    add_pair(b, &pairs, b->status->metadata[i].key,
             b->status->metadata[i].value);
  snprintf(http_status, sizeof http_status, "%d", b->status->http_status);
  if (b->status->http_status != 0 && b->cut->pairs > 0)
    add_pair(b, &pairs, "http_status", http_status);
  if (*b->status->finish_reason && b->cut->pairs > 0)
    add_pair(b, &pairs, "finish_reason", b->status->finish_reason);
  info.n_metadata = pairs.count;
  info.metadata = pairs.list;
  add_detail(b, &info.base);
}

static void add_bad_request(struct builder *b) {
  google_rpc_BadRequest bad = google_rpc_BadRequest_INIT;
  google_rpc_BadRequest_FieldViolation violation =
      google_rpc_BadRequest_FieldViolation_INIT;
  google_rpc_BadRequest_FieldViolation *list[] = {&violation};

  if (!*b->status->field) return;
  violation.field = cut_text(b, b->status->field, b->cut->text);
  violation.description = cut_text(b, b->status->message, b->cut->text);
  violation.reason = cut_text(b, b->status->reason, MAX_WORD);
  bad.n_field_violations = 1;
  bad.field_violations = list;
  add_detail(b, &bad.base);
}

static void add_retry_info(struct builder *b) {
  google_rpc_RetryInfo retry = google_rpc_RetryInfo_INIT;
  google_protobuf_Duration delay = google_protobuf_Duration_INIT;

  if (b->status->retry_after < 0) return;
  delay.seconds = b->status->retry_after / SECOND;
  delay.nanos = (int32_t)(b->status->retry_after % SECOND);
  retry.retry_delay = &delay;
  add_detail(b, &retry.base);
}

static void add_quota_failure(struct builder *b) {
  google_rpc_QuotaFailure failure = google_rpc_QuotaFailure_INIT;
  google_rpc_QuotaFailure_Violation violations[MAX_QUOTAS];
  google_rpc_QuotaFailure_Violation *list[MAX_QUOTAS];
  size_t count = 0;

  for (; count < b->status->quota_count && count < b->cut->quotas; count++) {
    const struct cb_quota_violation *quota = &b->status->quota[count];

    google__rpc__quota_failure__violation__init(&violations[count]);
    violations[count].subject = cut_text(b, quota->subject, b->cut->text);
    violations[count].description =
        cut_text(b, quota->description, b->cut->text);
    list[count] = &violations[count];
  }
  if (count == 0) return;
  failure.n_violations = count;
  failure.violations = list;
  add_detail(b, &failure.base);
}

/* The trailers with texts cut by cut; false when out of memory. */
static bool build(const struct cb_status *status, const char *domain,
                  const struct cut *cut, struct cb_arena *arena,
                  struct crpc_trailers *ret_trailers) {
  struct builder b = {.status = status, .cut = cut, .arena = arena};
  google_rpc_Status packed = google_rpc_Status_INIT;
  ProtobufCBinaryData bytes = {0, NULL};

  packed.code = (int32_t)status->code;
  packed.message = cut_text(&b, status->message, cut->text);
  add_error_info(&b, domain);
  add_bad_request(&b);
  add_retry_info(&b);
  add_quota_failure(&b);
  packed.n_details = b.detail_count;
  packed.details = b.details;
  if (b.detail_count > 0) bytes = pack(&b, &packed.base);
  if (b.failed) return false;
  *ret_trailers = (struct crpc_trailers){packed.message, bytes.data, bytes.len};
  return true;
}

/* Length in grpc-message, where all but plain characters become %XX. */
static size_t percent_size(const char *text) {
  size_t size = 0;

  for (; *text; text++)
    size += *text >= ' ' && *text <= '~' && *text != '%' ? 1 : 3;
  return size;
}

static size_t trailers_size(const struct crpc_trailers *trailers) {
  return percent_size(trailers->message) + (trailers->details_size + 2) / 3 * 4;
}

/* Copies what was built into arena; false when that is used up. */
static bool keep(const struct crpc_trailers *trailers, struct cb_arena *arena,
                 struct crpc_trailers *ret_trailers) {
  char *message = cb_arena_strdup(arena, trailers->message);
  char *details =
      cb_arena_memdup(arena, trailers->details, trailers->details_size);

  if (!message || !details) return false;
  *ret_trailers = (struct crpc_trailers){message, (const uint8_t *)details,
                                         trailers->details_size};
  return true;
}

void crpc_status_pack(const struct cb_status *status, const char *domain,
                      struct cb_arena *arena,
                      struct crpc_trailers *ret_trailers) {
  bool fits = false;

  *ret_trailers = (struct crpc_trailers){.message = status->message};
  if (status->code == CB_OK) return;
  for (size_t i = 0; i < sizeof cuts / sizeof cuts[0] && !fits; i++) {
    struct cb_arena *scratch = cb_arena_new(NULL, SCRATCH_MAX, SCRATCH_FIRST);
    struct crpc_trailers trailers = {0};
    bool built = scratch && build(status, domain, &cuts[i], scratch, &trailers);

    fits = built && trailers_size(&trailers) <= CRPC_TRAILERS_MAX;
    if (fits && !keep(&trailers, arena, ret_trailers)) fits = false;
    cb_arena_free(scratch);
  }
  /* Out of memory, since the last cut fits whatever it is of. */
  if (!fits && percent_size(status->message) > CRPC_TRAILERS_MAX)
    ret_trailers->message = "";
}
