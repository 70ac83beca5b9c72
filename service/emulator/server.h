/* server.h - the emulator's own state, shared by its loop and its handlers.
 *
 * Not for other rooms. One thread owns all of it.
 *
 * The thread sleeps in an epoll of its own that watches three things: the HTTP
 * library's epoll, a wake-up for the end, and every connection for the peer's
 * leaving. The library does not look at a connection while it is suspended,
 * which is when requests wait, so without the third an abort would be noticed
 * only when the answer is due.
 */
#ifndef VTX_EMULATOR_SERVER_H
#define VTX_EMULATOR_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timers.h"
#include "service/emulator/defaults.h"
#include "service/emulator/holds.h"
#include "service/emulator/identity.h"
#include "service/emulator/respond.h"
#include "service/emulator/stats.h"
#include "service/emulator/target.h"

struct MHD_Daemon;
struct vtx_emu_exchange;

struct vtx_emulator {
  struct cb_arena *arena; /* what lives as long as the emulator */
  const char *url;
  struct MHD_Daemon *daemon;
  int watch_fd; /* the epoll that the thread sleeps in */
  int wake_fd;  /* written once, for the end */
  pthread_t thread;
  size_t max_body_bytes;
  bool gzip;
  struct vtx_emu_schema *schema;
  struct vtx_emu_defaults defaults;
  struct vtx_emu_targets targets;
  struct vtx_emu_responder responder;
  struct vtx_emu_identity identity;
  struct vtx_emu_holds holds;
  struct vtx_emu_stats stats;
  struct vtx_emu_captures captures;
  struct cb_timers timers;
  struct cb_link suspended; /* exchanges */
  bool resumed; /* one of them, since the library's turn began: the library
                   sees it in the next, and does not ask for that by itself */
  struct cb_link leaving; /* connections whose peer has closed its side */
};

/* A connection; what the watch knows it by. */
struct vtx_emu_connection {
  int fd;
  bool peer_left;
  struct cb_link link;               /* in the emulator's list of the leaving */
  struct vtx_emu_exchange *exchange; /* the one under way; NULL: none */
};

/* The peer has closed its side: ends an exchange that waits. */
void vtx_emu_connection_left(struct vtx_emulator *emulator,
                             struct vtx_emu_connection *connection);

/* To be called after each turn of the library: closes the connections from
 * which nothing more can come though more is needed. */
void vtx_emu_connections_check(struct vtx_emulator *emulator);

/* Lets the exchanges go that are held by key. */
void vtx_emu_exchanges_release(struct vtx_emulator *emulator, const char *key);

/* Ends all exchanges that wait, as the library demands before it stops. */
void vtx_emu_exchanges_break(struct vtx_emulator *emulator);

/* The daemon that serves listen_fd, which is its own from then on, but for when
 * NULL is returned. */
struct MHD_Daemon *vtx_emu_daemon_start(struct vtx_emulator *emulator,
                                        int listen_fd, size_t max_connections);

/* Answers a request to /emulator/...; see README.md. */
void vtx_emu_control(struct vtx_emulator *emulator,
                     const struct vtx_emu_request *request,
                     struct vtx_emu_reply *reply);

#endif
