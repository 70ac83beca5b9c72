/* google.rpc.Status from a peer, as a cb_status. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "crpc/status_details.h"
#include "crpc/wire.h"
#include "google/protobuf/any.crpc.h"
#include "google/protobuf/duration.crpc.h"
#include "google/rpc/error_details.crpc.h"
#include "google/rpc/status.crpc.h"

#define SECOND INT64_C(1000000000)
#define MAX_SECONDS (INT64_MAX / SECOND - 1)

/* The detail of that type, unpacked; NULL if the status has none, or one that
 * cannot be read. */
static ProtobufCMessage *find_detail(const google_rpc_Status *status,
                                     const ProtobufCMessageDescriptor *type,
                                     struct cb_arena *arena) {
  ProtobufCMessage *message = NULL;

  for (size_t i = 0; i < status->n_details; i++) {
    const google_protobuf_Any *any = status->details[i];
    const char *name = strrchr(any->type_url, '/');

    if (!name || strcmp(name + 1, type->name) != 0) continue;
    if (crpc_unpack(type, (struct crpc_bytes){any->value.data, any->value.len},
                    NULL, arena, &message)
            .code == CB_OK)
      return message;
  }
  return NULL;
}

static void take_metadata(const google_rpc_ErrorInfo *info,
                          struct cb_arena *arena, struct cb_status *status) {
  struct cb_pair *pairs =
      cb_arena_zalloc(arena, info->n_metadata, sizeof *pairs);
  size_t count = 0;

  if (!pairs) return;
  for (size_t i = 0; i < info->n_metadata; i++) {
    const google_rpc_ErrorInfo_MetadataEntry *entry = info->metadata[i];

    if (strcmp(entry->key, "http_status") == 0)
      status->http_status = (int)strtol(entry->value, NULL, 10);
    else if (strcmp(entry->key, "finish_reason") == 0)
      status->finish_reason = entry->value;
    else
      pairs[count++] = (struct cb_pair){entry->key, entry->value};
  }
  status->metadata = pairs;
  status->metadata_count = count;
}

static void take_error_info(const google_rpc_Status *details,
                            struct cb_arena *arena, struct cb_status *status) {
  const google_rpc_ErrorInfo *info = (const google_rpc_ErrorInfo *)find_detail(
      details, &google_rpc_ErrorInfo_descriptor, arena);

  if (!info) return;
  status->reason = info->reason;
  if (info->n_metadata > 0) take_metadata(info, arena, status);
}

static void take_bad_request(const google_rpc_Status *details,
                             struct cb_arena *arena, struct cb_status *status) {
  const google_rpc_BadRequest *bad = (const google_rpc_BadRequest *)find_detail(
      details, &google_rpc_BadRequest_descriptor, arena);

  if (bad && bad->n_field_violations > 0)
    status->field = bad->field_violations[0]->field;
}

static void take_retry_info(const google_rpc_Status *details,
                            struct cb_arena *arena, struct cb_status *status) {
  const google_rpc_RetryInfo *retry = (const google_rpc_RetryInfo *)find_detail(
      details, &google_rpc_RetryInfo_descriptor, arena);
  const google_protobuf_Duration *delay = retry ? retry->retry_delay : NULL;

  if (!delay || delay->seconds < 0 || delay->nanos < 0) return;
  status->retryable = true;
  status->retry_after = delay->seconds > MAX_SECONDS || delay->nanos >= SECOND
                            ? INT64_MAX
                            : delay->seconds * SECOND + delay->nanos;
}

static void take_quota(const google_rpc_Status *details, struct cb_arena *arena,
                       struct cb_status *status) {
  const google_rpc_QuotaFailure *failure =
      (const google_rpc_QuotaFailure *)find_detail(
          details, &google_rpc_QuotaFailure_descriptor, arena);
  struct cb_quota_violation *quota;

  if (!failure || failure->n_violations == 0) return;
  quota = cb_arena_zalloc(arena, failure->n_violations, sizeof *quota);
  if (!quota) return;
  for (size_t i = 0; i < failure->n_violations; i++)
    quota[i] = (struct cb_quota_violation){failure->violations[i]->subject,
                                           failure->violations[i]->description};
  status->quota = quota;
  status->quota_count = failure->n_violations;
}

struct cb_status crpc_status_parse(enum cb_code code, const char *message,
                                   const uint8_t *details, size_t size,
                                   struct cb_arena *arena) {
  char *text = cb_arena_strdup(arena, message);
  struct cb_status status = cb_status_make(code, "", text ? text : "");
  ProtobufCMessage *unpacked = NULL;
  const google_rpc_Status *parsed;

  status.retryable = code == CB_UNAVAILABLE;
  if (code == CB_OK || size == 0) return status;
  if (crpc_unpack(&google_rpc_Status_descriptor,
                  (struct crpc_bytes){details, size}, NULL, arena, &unpacked)
          .code != CB_OK)
    return status;
  parsed = (const google_rpc_Status *)unpacked;
  if (parsed->code != (int32_t)code) return status;
  take_error_info(parsed, arena, &status);
  take_bad_request(parsed, arena, &status);
  take_retry_info(parsed, arena, &status);
  take_quota(parsed, arena, &status);
  return status;
}
