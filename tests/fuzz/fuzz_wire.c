/* Any bytes: the scan says no, or what it says of them holds.
 *
 * The first byte chooses the message type. What passes must unpack, within the
 * bound that the scan gave; packed again it must pass again, and unpacked and
 * packed once more it must be the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "crpc/test/v1/everything.crpc.h"
#include "crpc/wire.h"
#include "vertexd/v1/vertexd.crpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): these must hold in every build. */
static void must(bool holds) {
  if (!holds) abort();
}

/* Sizes as an arena takes them, which gives nothing back. */
static void *count_alloc(void *self, size_t size) {
  *(size_t *)self += (size + 15) & ~(size_t)15;
  return malloc(size > 0 ? size : 1);
}

static void count_free(void *self, void *block) {
  (void)self;
  free(block);
}

static const ProtobufCMessageDescriptor *choose(uint8_t byte) {
  switch (byte % 4) {
    case 0:
      return &crpc_test_Everything_descriptor;
    case 1:
      return &vertexd_GenerateRequest_descriptor;
    case 2:
      return &vertexd_BatchGenerateRequest_descriptor;
    default:
      return &google_protobuf_Value_descriptor;
  }
}

/* The scan's verdict on limits: what it says is needed is enough, and one byte
 * or one element less is not. */
static void check_limits(const ProtobufCMessageDescriptor *type,
                         const uint8_t *data, size_t size,
                         const struct crpc_wire_report *report,
                         struct cb_arena *arena) {
  struct crpc_wire_limits limits = {.max_unpacked = report->unpacked,
                                    .max_elements = report->elements};

  must(crpc_wire_scan(type, (struct crpc_bytes){data, size}, &limits, arena,
                      NULL)
           .code == CB_OK);
  limits.max_unpacked--;
  must(crpc_wire_scan(type, (struct crpc_bytes){data, size}, &limits, arena,
                      NULL)
           .code == CB_RESOURCE_EXHAUSTED);
  if (report->elements < 2) return; /* a limit of 0 means another thing */
  limits = (struct crpc_wire_limits){.max_elements = report->elements - 1};
  must(crpc_wire_scan(type, (struct crpc_bytes){data, size}, &limits, arena,
                      NULL)
           .code == CB_RESOURCE_EXHAUSTED);
}

/* Scans, unpacks and packs. False if the scan says no. The bytes are the
 * caller's to free. */
static bool round_trip(const ProtobufCMessageDescriptor *type,
                       const uint8_t *data, size_t size, uint8_t **ret_data,
                       size_t *ret_size) {
  struct cb_arena *arena = cb_arena_new(NULL, (size_t)1 << 20, 0);
  size_t used = 0;
  ProtobufCAllocator allocator = {count_alloc, count_free, &used};
  struct crpc_wire_report report;
  struct cb_status status = crpc_wire_scan(
      type, (struct crpc_bytes){data, size}, NULL, arena, &report);
  ProtobufCMessage *message;

  if (status.code == CB_OK) {
    check_limits(type, data, size, &report, arena);
    message = protobuf_c_message_unpack(type, &allocator, size, data);
    must(message != NULL);
    must(used <= report.unpacked);
    *ret_size = protobuf_c_message_get_packed_size(message);
    *ret_data = malloc(*ret_size + 1);
    must(protobuf_c_message_pack(message, *ret_data) == *ret_size);
    protobuf_c_message_free_unpacked(message, &allocator);
  } else {
    must(status.code == CB_INVALID_ARGUMENT);
    must(strcmp(status.reason, "MALFORMED_REQUEST") == 0);
    must(strlen(status.field) < 250 && *status.message);
  }
  cb_arena_free(arena);
  return status.code == CB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const ProtobufCMessageDescriptor *type = choose(size > 0 ? data[0] : 0);
  uint8_t *first;
  uint8_t *second;
  size_t first_size;
  size_t second_size;

  if (size > 0) data++, size--;
  if (!round_trip(type, data, size, &first, &first_size)) return 0;
  must(round_trip(type, first, first_size, &second, &second_size));
  must(first_size == second_size);
  must(memcmp(first, second, first_size) == 0);
  free(first);
  free(second);
  return 0;
}
