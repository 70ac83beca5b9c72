/* The endpoints by which tests steer the emulator and look into it. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "service/emulator/google_error.h"
#include "service/emulator/render.h"
#include "service/emulator/reply.h"
#include "service/emulator/server.h"
#include "service/emulator/validate.h"

enum { MAX_CONTROL = 128 << 20, USUAL_LAST = 1 };

static void set_body(const struct vtx_emu_request *request, struct cb_buf *buf,
                     struct vtx_emu_reply *reply) {
  const char *body =
      buf->failed ? NULL : cb_arena_memdup(request->arena, buf->data, buf->len);

  if (!body || !vtx_emu_reply_set(reply, request->arena, body, buf->len)) {
    reply->status = 500;
  }
}

static void refuse(const char *message, struct vtx_emu_reply *reply,
                   struct cb_buf *buf) {
  struct vtx_emu_error error = vtx_emu_error_make(400, message);

  reply->status = 400;
  vtx_emu_error_write(&error, false, buf);
}

/* Of all requests, or of those of a place. */
static void set_defaults(struct vtx_emulator *emulator,
                         const struct vtx_emu_request *request,
                         struct vtx_emu_reply *reply, struct cb_buf *buf) {
  struct vtx_emu_setting place = {
      .location = request->parameter(request, "location"),
      .model = request->parameter(request, "model")};
  const char *trouble;
  struct vtx_emu_error error;
  struct json_object *body = vtx_emu_parse_body(request->arena, request->body,
                                                request->body_size, &error);

  if (!body) {
    refuse(error.message, reply, buf);
  } else if (!vtx_emu_defaults_set(&emulator->defaults, &place, body,
                                   request->arena, &trouble)) {
    refuse(trouble, reply, buf);
  } else {
    cb_buf_add_text(buf, "{}");
  }
}

static void reset(struct vtx_emulator *emulator) {
  vtx_emu_stats_reset(&emulator->stats);
  vtx_emu_captures_reset(&emulator->captures);
  memset(emulator->responder.failures, 0, sizeof emulator->responder.failures);
  vtx_emu_defaults_reset(&emulator->defaults);
  vtx_emu_targets_reset(&emulator->targets);
  vtx_emu_identity_reset(&emulator->identity);
  vtx_emu_holds_reset(&emulator->holds);
}

/* Lets what is held by a key go, and what will be. */
static void release(struct vtx_emulator *emulator,
                    const struct vtx_emu_request *request,
                    struct vtx_emu_reply *reply, struct cb_buf *buf) {
  const char *key = request->parameter(request, "key");

  if (!key || !vtx_emu_hold_key_valid(key)) {
    refuse("Emulator: key must have 1 to 31 bytes.", reply, buf);
  } else if (!vtx_emu_holds_release(&emulator->holds, key)) {
    refuse("Emulator: too many keys are released.", reply, buf);
  } else {
    vtx_emu_exchanges_release(emulator, key);
    cb_buf_add_text(buf, "{}");
  }
}

static void set_identity(struct vtx_emulator *emulator,
                         const struct vtx_emu_request *request,
                         struct vtx_emu_reply *reply, struct cb_buf *buf) {
  struct vtx_emu_error error;
  const char *trouble = NULL;
  struct json_object *body = vtx_emu_parse_body(request->arena, request->body,
                                                request->body_size, &error);

  if (!body) {
    refuse(error.message, reply, buf);
  } else if (!vtx_emu_identity_set(&emulator->identity, body, &trouble)) {
    refuse(trouble, reply, buf);
  } else {
    cb_buf_add_text(buf, "{}");
  }
}

static void write_stats(const struct vtx_emulator *emulator,
                        struct cb_buf *buf) {
  struct cb_json json;

  cb_json_init(&json, buf);
  cb_json_begin_object(&json);
  vtx_emu_stats_write(&emulator->stats, &json);
  vtx_emu_targets_write(&emulator->targets, &json);
  cb_json_end_object(&json);
}

static void write_timeline(const struct vtx_emulator *emulator,
                           const struct vtx_emu_request *request,
                           struct cb_buf *buf) {
  struct cb_json json;

  cb_json_init(&json, buf);
  vtx_emu_targets_write_timeline(
      &emulator->targets, request->parameter(request, "location"),
      request->parameter(request, "model"), cb_now(NULL), &json);
}

static uint64_t number_or(const char *text, uint64_t otherwise) {
  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

void vtx_emu_control(struct vtx_emulator *emulator,
                     const struct vtx_emu_request *request,
                     struct vtx_emu_reply *reply) {
  const char *what = request->path + strlen("/emulator/");
  bool get = strcmp(request->method, "GET") == 0;
  bool post = strcmp(request->method, "POST") == 0;
  struct cb_buf buf;

  *reply = (struct vtx_emu_reply){.status = 200,
                                  .content_type = "application/json",
                                  .end_after = UINT64_MAX};
  cb_buf_init(&buf, MAX_CONTROL, NULL);
  if (get && strcmp(what, "stats") == 0) {
    write_stats(emulator, &buf);
  } else if (get && strcmp(what, "timeline") == 0) {
    write_timeline(emulator, request, &buf);
  } else if (get && strcmp(what, "requests") == 0) {
    vtx_emu_captures_write(
        &emulator->captures,
        number_or(request->parameter(request, "last"), USUAL_LAST), &buf);
  } else if (get && strcmp(what, "identity") == 0) {
    vtx_emu_identity_write(&emulator->identity, &buf);
  } else if (post && strcmp(what, "identity") == 0) {
    set_identity(emulator, request, reply, &buf);
  } else if (post && strcmp(what, "defaults") == 0) {
    set_defaults(emulator, request, reply, &buf);
  } else if (post && strcmp(what, "release") == 0) {
    release(emulator, request, reply, &buf);
  } else if (post && strcmp(what, "reset") == 0) {
    reset(emulator);
    cb_buf_add_text(&buf, "{}");
  } else {
    struct vtx_emu_error error =
        vtx_emu_error_make(404, "Emulator: there is no such control.");

    reply->status = 404;
    vtx_emu_error_write(&error, false, &buf);
  }
  set_body(request, &buf, reply);
  cb_buf_release(&buf);
}
