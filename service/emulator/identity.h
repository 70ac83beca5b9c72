/* identity.h - a stand-in for those who give out access tokens.
 *
 * OAuth's token endpoint, the security token service, the IAM credentials
 * endpoint, Google's and Amazon's metadata servers, all at the emulator's
 * address. Each checks what it is sent - signatures, claims, form fields,
 * headers - and the tokens given out are known to the model endpoints, which
 * can ask for one. README.md lists paths, accepted secrets and faults.
 *
 * Threads:   none inside; the emulator's own.
 * Ownership: replies are from the request's arena.
 */
#ifndef VTX_EMULATOR_IDENTITY_H
#define VTX_EMULATOR_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_object;
struct vtx_emu_reply;
struct vtx_emu_request;

enum vtx_emu_place {
  VTX_EMU_TOKEN,    /* OAuth: /token */
  VTX_EMU_STS,      /* /v1/token */
  VTX_EMU_IAM,      /* ...:generateAccessToken */
  VTX_EMU_METADATA, /* /computeMetadata/... */
  VTX_EMU_AWS,      /* /latest/... */
  VTX_EMU_SUBJECT,  /* /subject-token */
  VTX_EMU_PLACES,
};

enum { VTX_EMU_ISSUED = 1024, VTX_EMU_TOKEN_ROOM = 48 };

/* A token that was given out; the oldest are forgotten. */
struct vtx_emu_issued {
  char token[VTX_EMU_TOKEN_ROOM];
  int64_t ends; /* seconds since 1970 */
  bool cloud;   /* good for models, not only for the next step */
};

enum vtx_emu_identity_fault {
  VTX_EMU_IDENTITY_FINE,
  VTX_EMU_IDENTITY_500,
  VTX_EMU_IDENTITY_503,
  VTX_EMU_IDENTITY_HANG,
  VTX_EMU_IDENTITY_RESET,
  VTX_EMU_IDENTITY_REVOKED,
  VTX_EMU_IDENTITY_NOT_JSON,
  VTX_EMU_IDENTITY_NO_TOKEN,
};

struct vtx_emu_identity {
  const char *public_key; /* PEM; NULL: no service account is known */
  bool required;          /* models ask for a token from here */
  char *own_key;          /* malloced, if public_key was set while it runs */

  /* As POST /emulator/identity set them. */
  enum vtx_emu_identity_fault fault;
  int fault_place;      /* an enum vtx_emu_place; -1: all */
  int64_t fail_times;   /* faults left; -1: for ever */
  int64_t latency;      /* nanoseconds */
  int64_t expires_in;   /* seconds */
  int64_t clock_offset; /* seconds that its clock is ahead */

  struct vtx_emu_issued issued[VTX_EMU_ISSUED];
  uint64_t issued_count;
  uint64_t asked[VTX_EMU_PLACES];
  uint64_t refused;  /* requests that were answered with an error */
  uint64_t rotation; /* of the workforce user's refresh token */
};

void vtx_emu_identity_init(struct vtx_emu_identity *identity,
                           const char *public_key, bool required);
void vtx_emu_identity_release(struct vtx_emu_identity *identity);

/* Answers a request for one of its paths; false: it is none of them. */
bool vtx_emu_identity_respond(struct vtx_emu_identity *identity,
                              const struct vtx_emu_request *request,
                              struct vtx_emu_reply *reply);

/* True if an Authorization header has a token that models take. NULL is none.
 */
bool vtx_emu_identity_admits(const struct vtx_emu_identity *identity,
                             const char *authorization);

/* POST /emulator/identity: takes the settings in body over; false with a text
 * for people if one is wrong. Those that are not named go back to the start. */
bool vtx_emu_identity_set(struct vtx_emu_identity *identity,
                          const struct json_object *body,
                          const char **ret_trouble);

/* GET /emulator/identity: appends the counters as a JSON object. */
void vtx_emu_identity_write(const struct vtx_emu_identity *identity,
                            struct cb_buf *buf);

/* As at the start; tokens are forgotten, the key and required stay. */
void vtx_emu_identity_reset(struct vtx_emu_identity *identity);

/* No token that was given out is good any more. */
void vtx_emu_identity_forget(struct vtx_emu_identity *identity);

#endif
