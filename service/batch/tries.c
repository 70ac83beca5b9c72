#include "service/batch/tries.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "service/duration.h"

size_t vtx_tries_kept(const struct vtx_tries *tries) {
  return tries->count < VTX_TRIES_KEPT ? tries->count : VTX_TRIES_KEPT;
}

const struct vtx_try *vtx_tries_at(const struct vtx_tries *tries,
                                   size_t index) {
  size_t first = tries->count - vtx_tries_kept(tries);

  return &tries->kept[(first + index) % VTX_TRIES_KEPT];
}

const char *vtx_tries_name(const struct vtx_tries *tries, const char *target) {
  for (size_t i = 0; tries && i < vtx_tries_kept(tries); i++) {
    if (strcmp(tries->kept[i].target, target) == 0) {
      return tries->kept[i].target;
    }
  }
  return NULL;
}

/* A copy of target, or the one there is. */
static const char *name_of(struct vtx_tries *tries, struct cb_arena *arena,
                           const char *target) {
  const char *copy = vtx_tries_name(tries, target);

  if (copy) return copy;
  if (tries->names >= VTX_TRIES_NAMES) return "";
  tries->names++;
  copy = cb_arena_strdup(arena, target);
  return copy ? copy : "";
}

void vtx_tries_note(struct vtx_tries *tries, struct cb_arena *arena,
                    const char *target, const struct cb_status *status,
                    int64_t took) {
  const struct vtx_try noted = {
      .target = name_of(tries, arena, target),
      .reason = status->reason, /* a literal */
      .code = status->code,
      .http_status = status->http_status,
      .duration = took,
  };

  tries->kept[tries->count++ % VTX_TRIES_KEPT] = noted;
}

static bool same(const struct vtx_try *left, const struct vtx_try *right) {
  return strcmp(left->target, right->target) == 0 &&
         strcmp(left->reason, right->reason) == 0;
}

void vtx_tries_text(const struct vtx_tries *tries, char out[VTX_TRIES_TEXT]) {
  size_t kept = vtx_tries_kept(tries);
  size_t used = 0;

  out[0] = '\0';
  for (size_t i = 0; i < kept; i++) {
    const struct vtx_try *one = vtx_tries_at(tries, i);
    size_t room = VTX_TRIES_TEXT - used;
    int size;

    if (i > 0 && same(one, vtx_tries_at(tries, i - 1))) continue;
    size = snprintf(out + used, room, "%s%s %s", used > 0 ? ", " : "",
                    one->target, one->reason);
    if (size < 0 || (size_t)size >= room) {
      out[used] = '\0';
      break;
    }
    used += (size_t)size;
  }
}

static Vertexd__V1__FailedAttempt *message_of(const struct vtx_try *one,
                                              struct cb_arena *arena) {
  struct {
    Vertexd__V1__FailedAttempt attempt;
    Google__Protobuf__Duration duration;
  } *message = cb_arena_zalloc(arena, 1, sizeof *message);

  if (!message) return NULL;
  vertexd__v1__failed_attempt__init(&message->attempt);
  message->duration = vtx_duration_make(one->duration);
  message->attempt.target = (char *)one->target;
  message->attempt.code = (Vertexd__V1__Error__Code)one->code;
  message->attempt.reason = (char *)one->reason;
  message->attempt.http_status = one->http_status;
  message->attempt.duration = &message->duration;
  return &message->attempt;
}

void vtx_tries_fill(const struct vtx_tries *tries, struct cb_arena *arena,
                    Vertexd__V1__Serving *serving) {
  size_t kept = vtx_tries_kept(tries);
  Vertexd__V1__FailedAttempt **list =
      cb_arena_alloc(arena, kept * sizeof(Vertexd__V1__FailedAttempt *));

  if (!list) return;
  for (size_t i = 0; i < kept; i++) {
    list[i] = message_of(vtx_tries_at(tries, i), arena);
    if (!list[i]) return;
  }
  serving->failed_attempts = list;
  serving->n_failed_attempts = kept;
}
