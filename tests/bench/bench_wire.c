/* bench_wire - what the look at a message's bytes costs, next to unpacking it.
 *
 * Prints, for a request of some 1.2 kB and for a batch of 10,000 prompts, the
 * time of the scan alone, of scan and unpacking into an arena, and of
 * protobuf-c's unpacking with malloc.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crpc/wire.h"
#include "vertexd/v1/vertexd.crpc.h"

#define RUN (CB_SECOND / 2)
#define ARENA_CAP ((size_t)256 << 20)

struct bytes {
  const ProtobufCMessageDescriptor *type;
  uint8_t *data;
  size_t size;
};

static struct crpc_bytes plain(const struct bytes *bytes) {
  return (struct crpc_bytes){bytes->data, bytes->size};
}

static struct bytes pack(const ProtobufCMessage *message) {
  struct bytes bytes = {message->descriptor, NULL,
                        protobuf_c_message_get_packed_size(message)};

  bytes.data = malloc(bytes.size);
  if (!bytes.data) abort();
  protobuf_c_message_pack(message, bytes.data);
  return bytes;
}

static struct bytes one_request(void) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  vertexd_Content content = vertexd_Content_INIT;
  vertexd_Content *contents[] = {&content, &content, &content};
  vertexd_Part part = vertexd_Part_INIT;
  vertexd_Part *parts[] = {&part};
  char text[361];

  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  request.model = (char *)(uintptr_t) "gemini-2.5-flash";
  request.id = (char *)(uintptr_t) "request-1";
  request.n_contents = 3;
  request.contents = contents;
  content.role = (char *)(uintptr_t) "user";
  content.n_parts = 1;
  content.parts = parts;
  part.data_case = vertexd_Part_DATA_TEXT;
  part.text = text;
  return pack(&request.base);
}

static struct bytes many_prompts(void) {
  enum { COUNT = 10000 };
  vertexd_BatchGenerateRequest request = vertexd_BatchGenerateRequest_INIT;
  char **prompts = calloc(COUNT, sizeof *prompts);
  struct bytes bytes;

  if (!prompts) abort();
  for (size_t i = 0; i < COUNT; i++)
    prompts[i] = (char *)(uintptr_t) "What are the main features of it?";
  request.n_prompts = COUNT;
  request.prompts = prompts;
  bytes = pack(&request.base);
  free(prompts);
  return bytes;
}

static void scan(const struct bytes *bytes) {
  if (crpc_wire_scan(bytes->type, plain(bytes), NULL, NULL, NULL).code != CB_OK)
    abort();
}

static void unpack(const struct bytes *bytes) {
  struct cb_arena *arena = cb_arena_new(NULL, ARENA_CAP, 4096);
  ProtobufCMessage *message;

  if (!arena ||
      crpc_unpack(bytes->type, plain(bytes), NULL, arena, &message).code !=
          CB_OK)
    abort();
  cb_arena_free(arena);
}

static void unpack_malloc(const struct bytes *bytes) {
  ProtobufCMessage *message =
      protobuf_c_message_unpack(bytes->type, NULL, bytes->size, bytes->data);

  if (!message) abort();
  protobuf_c_message_free_unpacked(message, NULL);
}

static void measure(const char *what, void (*run)(const struct bytes *bytes),
                    const struct bytes *bytes) {
  int64_t start = cb_now(NULL);
  int64_t now = start;
  int64_t turns = 0;

  while (now - start < RUN) {
    for (int i = 0; i < 16; i++)
      run(bytes);
    turns += 16;
    now = cb_now(NULL);
  }
  printf("  %-24s %10" PRId64 " ns  %7.0f MB/s\n", what, (now - start) / turns,
         (double)bytes->size * (double)turns * 1e3 / (double)(now - start));
}

static void measure_all(const char *name, struct bytes bytes) {
  struct crpc_wire_report report;

  crpc_wire_scan(bytes.type, plain(&bytes), NULL, NULL, &report);
  printf("%s: %zu bytes, %zu unpacked, %zu elements\n", name, bytes.size,
         report.unpacked, report.elements);
  measure("scan", scan, &bytes);
  measure("scan, unpack in arena", unpack, &bytes);
  measure("unpack with malloc", unpack_malloc, &bytes);
  free(bytes.data);
}

int main(void) {
  measure_all("one request", one_request());
  measure_all("10,000 prompts", many_prompts());
  return 0;
}
