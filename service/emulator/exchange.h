/* exchange.h - one request and its reply, shared by the files that handle them:
 * exchange.c (the request), sending.c (the reply) and connection.c.
 *
 *   READING   the body comes in
 *   HELD      the reply is made, and waits to be let go: suspended
 *   WAITING   its time has not come: suspended
 *   SENDING   the library asks for body; suspended where the reply pauses
 *
 * An exchange that is suspended is in the emulator's list, with or without a
 * timer. It leaves the list when the timer fires, when the peer leaves or when
 * the emulator ends, and in the latter two cases the library is told to close
 * the connection as soon as it comes back.
 *
 * Threads: the emulator's own. Ownership: an exchange lives in its arena.
 */
#ifndef VTX_EMULATOR_EXCHANGE_H
#define VTX_EMULATOR_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/timers.h"
#include "service/emulator/reply.h"
#include "service/emulator/route.h"
#include "service/emulator/server.h"

enum vtx_emu_state {
  VTX_EMU_READING,
  VTX_EMU_HELD,
  VTX_EMU_WAITING,
  VTX_EMU_SENDING,
};

/* What the library needs for a connection's heads. */
enum { VTX_EMU_CONNECTION_MEMORY = 32 << 10 };

struct vtx_emu_exchange {
  struct vtx_emulator *emulator;
  struct vtx_emu_connection *connection;
  struct MHD_Connection *http;
  struct cb_arena *arena;
  const char *url; /* with the query, as it came */
  struct cb_buf body;
  struct vtx_emu_route route;
  struct vtx_emu_target *target; /* counted in flight there; NULL: none */
  struct vtx_emu_reply reply;
  enum vtx_emu_state state;
  bool begun;     /* counted as in flight */
  bool too_large; /* the body is thrown away */
  bool suspended;
  bool left;           /* the peer has gone: close */
  bool broken;         /* on purpose */
  bool rested;         /* the pause before the next bytes is over */
  struct cb_link link; /* in the emulator's list while suspended */
  struct cb_timer timer;

  /* Where the reply's body is. */
  size_t piece;
  uint64_t round; /* of its repeats */
  size_t offset;
};

/* Suspends the exchange for pause, CB_NEVER meaning until it is broken off.
 * False if there is no point in it: the peer has gone, or memory has. */
bool vtx_emu_exchange_suspend(struct vtx_emu_exchange *exchange, int64_t pause);

/* Hands the reply, whose time has come, to the library. */
enum MHD_Result vtx_emu_exchange_reply(struct vtx_emu_exchange *exchange);

/* Makes the kernel send RST. */
void vtx_emu_connection_reset(const struct vtx_emu_connection *connection);

/* Of the library's connection; NULL if memory was used up at its start. */
struct vtx_emu_connection *vtx_emu_connection_of(struct MHD_Connection *http);

/* What the library calls when a connection comes and goes; cls is the emulator.
 */
void vtx_emu_connection_notice(void *cls, struct MHD_Connection *http,
                               void **context,
                               enum MHD_ConnectionNotificationCode code);

#endif
