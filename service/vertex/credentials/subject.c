/* What the kinds share, and the one that is a file. */
#include "service/vertex/credentials/subject.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

struct vtx_token_source *vtx_subject_from(const struct vtx_token_place *place,
                                          const struct json_object *file,
                                          const char **ret_why) {
  const struct json_object *source =
      vtx_secret_json_object(file, "credential_source");

  *ret_why = "has no credential_source";
  if (!source) return NULL;
  if (vtx_secret_json_text(source, "environment_id")) {
    return vtx_subject_aws_new(place, file, ret_why);
  }
  if (vtx_secret_json_text(source, "file")) {
    return vtx_subject_file_new(source, ret_why);
  }
  if (vtx_secret_json_text(source, "url")) {
    return vtx_subject_url_new(place, source, ret_why);
  }
  if (vtx_secret_json_object(source, "executable")) {
    return vtx_subject_executable_new(place, file, ret_why);
  }
  *ret_why =
      "has a credential_source that is neither file, url, executable nor aws1";
  return NULL;
}

bool vtx_subject_format_read(struct vtx_subject_format *format,
                             const struct json_object *source,
                             const char **ret_why) {
  const struct json_object *given = vtx_secret_json_object(source, "format");
  const char *type = given ? vtx_secret_json_text(given, "type") : NULL;
  const char *field =
      given ? vtx_secret_json_text(given, "subject_token_field_name") : NULL;

  format->field = NULL;
  if (!type || strcmp(type, "text") == 0) return true;
  *ret_why = strcmp(type, "json") != 0
                 ? "has a format that is neither text nor json"
                 : "has a json format without subject_token_field_name";
  if (strcmp(type, "json") != 0 || !field) return false;
  *ret_why = "could not be read: out of memory";
  format->field = strdup(field);
  return format->field != NULL;
}

void vtx_subject_format_release(struct vtx_subject_format *format) {
  free(format->field);
}

void vtx_subject_deliver(const struct vtx_subject_format *format,
                         struct vtx_token_sink sink, const char *what,
                         const char *text) {
  struct vtx_token_failure failure;
  struct vtx_token_result result = {.status = cb_status_ok(), .token = text};
  struct json_object *object = NULL;

  if (format->field) {
    object = vtx_secret_json(text, strlen(text));
    result.token = object ? vtx_secret_json_text(object, format->field) : NULL;
  }
  if (!result.token || !result.token[0]) {
    vtx_token_fail(&failure, true, "%s holds no subject token", what);
    result = (struct vtx_token_result){.status = failure.status};
  }
  sink.done(sink.ctx, &result);
  vtx_secret_json_free(object);
}

/* --- file -------------------------------------------------------------------
 */

struct subject_file {
  struct vtx_token_source source;
  struct vtx_subject_format format;
  char *path;
};

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct subject_file *self = (struct subject_file *)(void *)source;
  struct vtx_token_failure failure;
  const char *why = NULL;
  char *text = vtx_secret_file(self->path, &why);

  if (!text) {
    /* It may be about to be replaced. */
    vtx_token_fail(&failure, false, "the subject token's file %s %s",
                   self->path, why);
    vtx_token_deliver_failure(sink, &failure.status);
    return;
  }
  vtx_subject_deliver(&self->format, sink, "the subject token's file", text);
  vtx_credential_wipe(text);
}

static void cancel(struct vtx_token_source *source) { (void)source; }

static void free_file(struct vtx_token_source *source) {
  struct subject_file *self = (struct subject_file *)(void *)source;

  vtx_subject_format_release(&self->format);
  free(self->path);
  free(self);
}

static const struct vtx_token_source_type file_type = {
    .fetch = fetch,
    .cancel = cancel,
    .free = free_file,
};

struct vtx_token_source *vtx_subject_file_new(const struct json_object *source,
                                              const char **ret_why) {
  struct subject_file *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->source.type = &file_type;
  self->path = strdup(vtx_secret_json_text(source, "file"));
  if (self->path && vtx_subject_format_read(&self->format, source, ret_why)) {
    return &self->source;
  }
  free_file(&self->source);
  return NULL;
}
