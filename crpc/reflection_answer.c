#include "crpc/reflection_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"
#include "crpc/server.h"

/* An answer points to descriptors; it copies none. */
#define ANSWER_MAX ((size_t)1 << 20)

typedef grpc_reflection_ServerReflectionRequest Question;
typedef grpc_reflection_ServerReflectionResponse Answer;

/* The cases of the two oneofs, whose names are longer than a line. */
#define ASKED(what) \
  grpc_reflection_ServerReflectionRequest_MESSAGE_REQUEST_##what
#define ANSWERED(what) \
  grpc_reflection_ServerReflectionResponse_MESSAGE_RESPONSE_##what

/* What an answer is made from, and of. */
struct maker {
  const struct crpc_reflection *reflection;
  struct cb_arena *arena;
  Answer answer;
  bool failed; /* out of memory */
};

static void *take(struct maker *maker, size_t count, size_t size) {
  void *memory = cb_arena_zalloc(maker->arena, count > 0 ? count : 1, size);

  if (!memory) maker->failed = true;
  return memory;
}

static void say_error(struct maker *maker, enum cb_code code,
                      const char *format, const char *name) {
  grpc_reflection_ErrorResponse *error = take(maker, 1, sizeof *error);
  char *text = cb_arena_printf(maker->arena, "%s%s", format, name);

  if (!error) return;
  grpc__reflection__v1__error_response__init(error);
  error->error_code = (int32_t)code;
  if (text) error->error_message = text;
  maker->answer.message_response_case = ANSWERED(ERROR_RESPONSE);
  maker->answer.error_response = error;
}

/* Marks what the marked files import, and so on: imports are acyclic, so every
 * round finds something or is the last. */
static size_t mark_imports(const struct crpc_pool *pool, bool *marks) {
  size_t count = 1;
  bool found = true;

  while (found) {
    found = false;
    for (size_t i = 0; i < pool->count; i++) {
      const google_protobuf_FileDescriptorProto *file = pool->files[i].file;

      for (size_t k = 0; marks[i] && k < file->n_dependency; k++) {
        size_t import = crpc_pool_find_file(pool, file->dependency[k]);

        if (import == SIZE_MAX || marks[import]) continue;
        marks[import] = true;
        found = true;
        count++;
      }
    }
  }
  return count;
}

/* The file, then all that it needs. */
static void say_files(struct maker *maker, size_t index) {
  const struct crpc_pool *pool = &maker->reflection->pool;
  grpc_reflection_FileDescriptorResponse *files = take(maker, 1, sizeof *files);
  bool *marks = take(maker, pool->count, sizeof *marks);
  size_t count;

  if (!files || !marks) return;
  grpc__reflection__v1__file_descriptor_response__init(files);
  marks[index] = true;
  count = mark_imports(pool, marks);
  files->file_descriptor_proto =
      take(maker, count, sizeof *files->file_descriptor_proto);
  if (!files->file_descriptor_proto) return;
  files->file_descriptor_proto[files->n_file_descriptor_proto++] =
      pool->files[index].bytes;
  for (size_t i = 0; i < pool->count; i++)
    if (marks[i] && i != index)
      files->file_descriptor_proto[files->n_file_descriptor_proto++] =
          pool->files[i].bytes;
  maker->answer.message_response_case = ANSWERED(FILE_DESCRIPTOR_RESPONSE);
  maker->answer.file_descriptor_response = files;
}

static void say_found(struct maker *maker, size_t index, const char *what,
                      const char *name) {
  if (index != SIZE_MAX)
    say_files(maker, index);
  else
    say_error(maker, CB_NOT_FOUND, what, name);
}

static void say_extensions(struct maker *maker, const char *type) {
  const struct crpc_pool *pool = &maker->reflection->pool;
  grpc_reflection_ExtensionNumberResponse *numbers =
      take(maker, 1, sizeof *numbers);
  size_t count = crpc_pool_extensions(pool, type, NULL, 0);

  if (crpc_pool_find_symbol(pool, type) == SIZE_MAX) {
    say_error(maker, CB_NOT_FOUND, "no such type: ", type);
    return;
  }
  if (!numbers) return;
  grpc__reflection__v1__extension_number_response__init(numbers);
  numbers->base_type_name = (char *)(uintptr_t)type; /* read only */
  numbers->extension_number = take(maker, count, sizeof(int32_t));
  if (!numbers->extension_number) return;
  numbers->n_extension_number = count;
  crpc_pool_extensions(pool, type, numbers->extension_number, count);
  maker->answer.message_response_case =
      ANSWERED(ALL_EXTENSION_NUMBERS_RESPONSE);
  maker->answer.all_extension_numbers_response = numbers;
}

/* The name of the service number index, the one that is only an alias last. */
static const char *service_name(const struct crpc_server *server,
                                size_t index) {
  const struct crpc_service *service = crpc_server_service(server, index);

  if (service) return service->name;
  if (index > 0 && !crpc_server_service(server, index - 1)) return NULL;
  return "grpc.reflection.v1alpha.ServerReflection";
}

static void say_services(struct maker *maker) {
  const struct crpc_server *server = maker->reflection->server;
  grpc_reflection_ListServiceResponse *list = take(maker, 1, sizeof *list);
  grpc_reflection_ServiceResponse *services;
  size_t count = 0;

  while (service_name(server, count))
    count++;
  services = take(maker, count, sizeof *services);
  if (!list || !services) return;
  grpc__reflection__v1__list_service_response__init(list);
  list->service = take(maker, count, sizeof *list->service);
  if (!list->service) return;
  for (size_t i = 0; i < count; i++) {
    grpc__reflection__v1__service_response__init(&services[i]);
    services[i].name = (char *)(uintptr_t)service_name(server, i);
    list->service[i] = &services[i];
  }
  list->n_service = count;
  maker->answer.message_response_case = ANSWERED(LIST_SERVICES_RESPONSE);
  maker->answer.list_services_response = list;
}

/* Full names may come with a dot before them. */
static const char *plain(const char *name) {
  return *name == '.' ? name + 1 : name;
}

static void make(struct maker *maker, const Question *question) {
  const struct crpc_pool *pool = &maker->reflection->pool;
  const char *name;

  switch (question->message_request_case) {
    case ASKED(FILE_BY_FILENAME):
      name = question->file_by_filename;
      say_found(maker, crpc_pool_find_file(pool, name), "no such file: ", name);
      return;
    case ASKED(FILE_CONTAINING_SYMBOL):
      name = plain(question->file_containing_symbol);
      say_found(maker, crpc_pool_find_symbol(pool, name),
                "no such symbol: ", name);
      return;
    case ASKED(FILE_CONTAINING_EXTENSION):
      name = plain(question->file_containing_extension->containing_type);
      say_found(maker,
                crpc_pool_find_extension(
                    pool, name,
                    question->file_containing_extension->extension_number),
                "no such extension of: ", name);
      return;
    case ASKED(ALL_EXTENSION_NUMBERS_OF_TYPE):
      say_extensions(maker, plain(question->all_extension_numbers_of_type));
      return;
    case ASKED(LIST_SERVICES):
      say_services(maker);
      return;
    default:
      say_error(maker, CB_INVALID_ARGUMENT, "the question is empty", "");
      return;
  }
}

enum crpc_send crpc_reflection_answer(const struct crpc_reflection *reflection,
                                      struct crpc_call *call,
                                      const Question *question) {
  struct maker maker = {
      .reflection = reflection,
      .arena = cb_arena_new(NULL, ANSWER_MAX + strlen(question->host), 0),
      .answer = grpc_reflection_ServerReflectionResponse_INIT};
  enum crpc_send sent = CRPC_NO_MEMORY;

  if (!maker.arena) return CRPC_NO_MEMORY;
  maker.answer.valid_host = question->host;
  maker.answer.original_request = (Question *)(uintptr_t)question;
  make(&maker, question);
  if (!maker.failed)
    sent = grpc_reflection_ServerReflection_ServerReflectionInfo_send(
        call, &maker.answer);
  cb_arena_free(maker.arena);
  return sent;
}
