#include "service/emulator/google_error.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"

const char vtx_emu_too_many[] =
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for "
    "more details.";
const char vtx_emu_overloaded[] =
    "The model is overloaded. Please try again later.";

static const struct {
  unsigned http_status;
  const char *status;
  const char *title;
} names[] = {
    {400, "INVALID_ARGUMENT", "Bad Request"},
    {401, "UNAUTHENTICATED", "Unauthorized"},
    {403, "PERMISSION_DENIED", "Forbidden"},
    {404, "NOT_FOUND", "Not Found"},
    {413, "INVALID_ARGUMENT", "Request Entity Too Large"},
    {429, "RESOURCE_EXHAUSTED", "Too Many Requests"},
    {499, "CANCELLED", "Client Closed Request"},
    {500, "INTERNAL", "Internal Server Error"},
    {502, "UNAVAILABLE", "Bad Gateway"},
    {503, "UNAVAILABLE", "Service Unavailable"},
    {504, "DEADLINE_EXCEEDED", "Gateway Timeout"},
};

static size_t name_of(unsigned http_status) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].http_status == http_status) return i;
  }
  return 7; /* INTERNAL */
}

struct vtx_emu_error vtx_emu_error_make(unsigned http_status,
                                        const char *message) {
  return (struct vtx_emu_error){
      .http_status = http_status,
      .status = names[name_of(http_status)].status,
      .message = message,
  };
}

static void write_type(struct cb_json *json, const char *type) {
  struct cb_buf buf;

  cb_buf_init(&buf, 128, NULL);
  cb_buf_printf(&buf, "type.googleapis.com/google.rpc.%s", type);
  cb_json_key(json, "@type");
  cb_json_string(json, buf.data ? buf.data : "");
  cb_buf_release(&buf);
}

static void write_error_info(struct cb_json *json, const char *reason) {
  cb_json_begin_object(json);
  write_type(json, "ErrorInfo");
  cb_json_key(json, "reason");
  cb_json_string(json, reason);
  cb_json_key(json, "domain");
  cb_json_string(json, "googleapis.com");
  cb_json_key(json, "metadata");
  cb_json_begin_object(json);
  cb_json_key(json, "service");
  cb_json_string(json, "aiplatform.googleapis.com");
  cb_json_end_object(json);
  cb_json_end_object(json);
}

/* Protobuf's JSON has 0, 3, 6 or 9 digits behind the point. */
static void write_retry_info(struct cb_json *json, int64_t delay) {
  struct cb_buf buf;

  cb_buf_init(&buf, 64, NULL);
  cb_buf_printf(&buf, "%lld", (long long)(delay / CB_SECOND));
  if (delay % CB_SECOND != 0) {
    cb_buf_printf(&buf, ".%03lld",
                  (long long)(delay % CB_SECOND / CB_MILLISECOND));
  }
  cb_buf_add_char(&buf, 's');
  cb_json_begin_object(json);
  write_type(json, "RetryInfo");
  cb_json_key(json, "retryDelay");
  cb_json_string(json, buf.data ? buf.data : "1s");
  cb_json_end_object(json);
  cb_buf_release(&buf);
}

static void write_bad_request(struct cb_json *json,
                              const struct vtx_emu_error *error) {
  cb_json_begin_object(json);
  write_type(json, "BadRequest");
  cb_json_key(json, "fieldViolations");
  cb_json_begin_array(json);
  for (size_t i = 0; i < error->violation_count; i++) {
    cb_json_begin_object(json);
    if (error->violations[i].field) {
      cb_json_key(json, "field");
      cb_json_string(json, error->violations[i].field);
    }
    cb_json_key(json, "description");
    cb_json_string(json, error->violations[i].description);
    cb_json_end_object(json);
  }
  cb_json_end_array(json);
  cb_json_end_object(json);
}

static void write_details(struct cb_json *json,
                          const struct vtx_emu_error *error) {
  if (!error->reason && error->retry_delay <= 0 &&
      error->violation_count == 0) {
    return;
  }
  cb_json_key(json, "details");
  cb_json_begin_array(json);
  if (error->reason) write_error_info(json, error->reason);
  if (error->violation_count > 0) write_bad_request(json, error);
  if (error->retry_delay > 0) write_retry_info(json, error->retry_delay);
  cb_json_end_array(json);
}

void vtx_emu_error_write(const struct vtx_emu_error *error, bool listed,
                         struct cb_buf *buf) {
  struct cb_json json;

  cb_json_init(&json, buf);
  if (listed) cb_json_begin_array(&json);
  cb_json_begin_object(&json);
  cb_json_key(&json, "error");
  cb_json_begin_object(&json);
  cb_json_key(&json, "code");
  cb_json_uint(&json, error->http_status);
  cb_json_key(&json, "message");
  cb_json_string(&json, error->message);
  cb_json_key(&json, "status");
  cb_json_string(&json, error->status);
  write_details(&json, error);
  cb_json_end_object(&json);
  cb_json_end_object(&json);
  if (listed) cb_json_end_array(&json);
}

/* A path comes from outside: it must not become markup. */
static void add_escaped(struct cb_buf *buf, const char *text) {
  for (; *text; text++) {
    if (*text == '<') {
      cb_buf_add_text(buf, "&lt;");
    } else if (*text == '&') {
      cb_buf_add_text(buf, "&amp;");
    } else {
      cb_buf_add_char(buf, *text);
    }
  }
}

void vtx_emu_error_page(unsigned http_status, const char *path,
                        struct cb_buf *buf) {
  const char *title = names[name_of(http_status)].title;

  cb_buf_printf(buf,
                "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n"
                "  <title>Error %u (%s)!!1</title>\n"
                "  <p><b>%u.</b> <ins>That's an error.</ins>\n  <p>",
                http_status, title, http_status);
  if (http_status == 404) {
    cb_buf_add_text(buf, "The requested URL <code>");
    add_escaped(buf, path);
    cb_buf_add_text(buf, "</code> was not found on this server.");
  } else {
    cb_buf_add_text(buf, "The server could not answer the request.");
  }
  cb_buf_add_text(buf, "  <ins>That's all we know.</ins>\n</html>\n");
}
