/* respond.h - from a request to a reply: route, credentials, checks, answer.
 *
 * Threads:   none inside.
 * Ownership: the reply is from the request's arena.
 */
#ifndef VTX_EMULATOR_RESPOND_H
#define VTX_EMULATOR_RESPOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/emulator/route.h"

struct cb_arena;
struct json_object;
struct vtx_emu_identity;
struct vtx_emu_defaults;
struct vtx_emu_reply;
struct vtx_emu_schema;
struct vtx_emu_target;
struct vtx_emu_targets;

/* One request, as it came. */
struct vtx_emu_request {
  struct cb_arena *arena;
  const char *method;
  const char *path;          /* decoded, without the query */
  const char *authorization; /* header; NULL: none */
  const char *api_key;       /* header or query parameter; NULL: none */
  const char *body;
  size_t body_size;
  bool too_large; /* the body passed the limit and was thrown away */
  struct vtx_emu_target *target; /* NULL: the path names none */
  const char *(*header)(const struct vtx_emu_request *request,
                        const char *name); /* NULL result: not sent */
  const char *(*parameter)(const struct vtx_emu_request *request,
                           const char *name); /* of the query; as above */
  void *http;                                 /* what these two need */
};

/* How often requests with one key have failed already. */
struct vtx_emu_failure {
  uint64_t hash; /* 0: a free place */
  int64_t count;
};

enum { VTX_EMU_FAILURE_KEYS = 8192 };

/* What is the same for all requests. */
struct vtx_emu_responder {
  const struct vtx_emu_schema *schema;
  const char *require_token;               /* NULL: none */
  const char *require_api_key;             /* NULL: none */
  const struct vtx_emu_identity *identity; /* NULL: nobody gives out tokens */
  const struct vtx_emu_defaults *defaults; /* where requests start from */
  struct vtx_emu_targets *targets;
  uint64_t random; /* state of the dice, not 0 */
  uint64_t serial; /* of the last request */
  struct vtx_emu_failure failures[VTX_EMU_FAILURE_KEYS];
};

/* Fills *reply for a request to one of Vertex AI's methods. It always gives
 * one: when memory is used up an empty 500. */
void vtx_emu_respond(struct vtx_emu_responder *responder,
                     const struct vtx_emu_request *request,
                     const struct vtx_emu_route *route,
                     struct vtx_emu_reply *reply);

/* Fills *reply with Google's page for a path that is not there. */
void vtx_emu_respond_unknown(const struct vtx_emu_request *request,
                             struct vtx_emu_reply *reply);

#endif
