/* protoc-gen-crpc - a protoc plugin: reads a CodeGeneratorRequest from stdin,
 * writes a CodeGeneratorResponse to stdout.
 *
 * Parameter (protoc --crpc_opt=...): keep_version, so that short names keep the
 * version of the package; for programs that hold two versions at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crpc/gen/names.h"
#include "crpc/gen/unit.h"

typedef Google__Protobuf__Compiler__CodeGeneratorResponse Response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File ResponseFile;

#define FEATURE(name) \
  GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__FEATURE__##name
#define MAX_BYTES ((size_t)1 << 30)

static void die(const char *what) {
  fprintf(stderr, "protoc-gen-crpc: %s\n", what);
  exit(1);
}

static void *arena_alloc(void *arena, size_t size) {
  return cb_arena_alloc(arena, size);
}

static void arena_leave(void *arena, void *block) {
  (void)arena;
  (void)block;
}

static gen_Request *read_request(struct cb_arena *arena) {
  ProtobufCAllocator allocator = {arena_alloc, arena_leave, arena};
  struct cb_buf in;
  gen_Request *request;

  cb_buf_init(&in, MAX_BYTES, NULL);
  for (;;) {
    char *room = cb_buf_reserve(&in, 65536);
    size_t size;

    if (!room) die("the request is too large");
    size = fread(room, 1, 65536, stdin);
    if (size == 0) break;
    cb_buf_grow(&in, size);
  }
  request = google__protobuf__compiler__code_generator_request__unpack(
      &allocator, in.len, (const uint8_t *)in.data);
  cb_buf_release(&in);
  return request;
}

static void write_response(const Response *response) {
  size_t size = protobuf_c_message_get_packed_size(&response->base);
  uint8_t *bytes = malloc(size > 0 ? size : 1);

  if (!bytes) die("out of memory");
  protobuf_c_message_pack(&response->base, bytes);
  if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout) != 0)
    die("cannot write the response");
  free(bytes);
}

static const gen_File *find_file(const gen_Request *request, const char *name) {
  for (size_t i = 0; i < request->n_proto_file; i++)
    if (strcmp(request->proto_file[i]->name, name) == 0)
      return request->proto_file[i];
  return NULL;
}

static ResponseFile *new_file(struct cb_arena *arena, char *name,
                              struct cb_buf *content) {
  ResponseFile *file = cb_arena_alloc(arena, sizeof *file);

  if (!file || content->failed) die("out of memory");
  google__protobuf__compiler__code_generator_response__file__init(file);
  file->name = name;
  file->content = gen_text(arena, "%s", content->data);
  return file;
}

/* Adds the two files made of one .proto; what is wrong ends in error. */
static void answer_file(const gen_Request *request, const char *name,
                        struct cb_arena *arena, Response *response) {
  struct gen_unit unit = {
      .arena = arena,
      .request = request,
      .file = find_file(request, name),
      .keep_version = request->parameter &&
                      strcmp(request->parameter, "keep_version") == 0};
  struct cb_buf header;
  struct cb_buf source;
  const char *error;
  char *stem = gen_stem(arena, name);

  if (!unit.file) die("a file to generate is missing in the request");
  cb_buf_init(&header, MAX_BYTES, NULL);
  cb_buf_init(&source, MAX_BYTES, NULL);
  error = gen_file(&unit, &header, &source);
  if (error) response->error = gen_text(arena, "%s", error);
  response->file[response->n_file++] =
      new_file(arena, gen_text(arena, "%s.crpc.h", stem), &header);
  response->file[response->n_file++] =
      new_file(arena, gen_text(arena, "%s.crpc.c", stem), &source);
  cb_buf_release(&header);
  cb_buf_release(&source);
}

static void answer(const gen_Request *request, struct cb_arena *arena) {
  Response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;

  response.has_supported_features = 1;
  response.supported_features = FEATURE(FEATURE_PROTO3_OPTIONAL);
  response.file = cb_arena_zalloc(arena, 2 * request->n_file_to_generate,
                                  sizeof *response.file);
  if (!response.file) die("out of memory");
  if (request->parameter && *request->parameter &&
      strcmp(request->parameter, "keep_version") != 0)
    response.error = gen_text(arena, "unknown parameter \"%s\" (keep_version)",
                              request->parameter);
  for (size_t i = 0; i < request->n_file_to_generate && !response.error; i++)
    answer_file(request, request->file_to_generate[i], arena, &response);
  if (response.error) response.n_file = 0;
  write_response(&response);
}

int main(void) {
  struct cb_arena *arena = cb_arena_new(NULL, MAX_BYTES, 0);
  gen_Request *request;

  if (!arena) die("out of memory");
  request = read_request(arena);
  if (!request) die("stdin is no CodeGeneratorRequest");
  answer(request, arena);
  cb_arena_free(arena);
  return 0;
}
