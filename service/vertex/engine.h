/* engine.h - the loop that talks to Vertex AI: one thread over curl multi.
 *
 * Offers messages, timers and transfers to what runs on it (the scheduler and
 * the model calls). After each turn it calls the pull hook, which starts new
 * work: so a slot that a finished transfer freed is used in the same turn.
 *
 * Proxies:   the usual variables (https_proxy, no_proxy, ...) are obeyed as by
 *            curl, but loopback is never reached through one.
 *
 * Threads:   vtx_engine_post() from any thread; the rest on the engine's
 *            thread, or before vtx_engine_start().
 * Ownership: vtx_engine_new() gives it, vtx_engine_free() takes it back after
 *            vtx_engine_stop().
 */
#ifndef VTX_VERTEX_ENGINE_H
#define VTX_VERTEX_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "base/status.h"
#include "base/timers.h"

struct cb_budget;
struct vtx_engine;

struct vtx_engine_options {
  const char *ca_file;            /* PEM bundle for https; NULL: the system's */
  const char *client_certificate; /* PEM, shown where a transfer says so and the
                                     peer asks for it; NULL: none */
  const char *client_key;         /* PEM; NULL: in the certificate's file */
  size_t max_in_flight;           /* sizes the connections; 0: 10,000 */
  size_t max_connections;         /* to all hosts together; 0: no limit */
  size_t max_h2_connections;      /* to one host; 0: 64 */
  struct cb_budget *budget;       /* charged for bodies; may be NULL */
};

struct vtx_engine_counters {
  size_t transfers;         /* in flight now */
  uint64_t transfers_total; /* started */
  uint64_t bytes_sent;      /* bodies */
  uint64_t bytes_received;
};

/* NULL when out of memory, or when curl cannot start; *ret_status says why. */
struct vtx_engine *vtx_engine_new(const struct vtx_engine_options *options,
                                  struct cb_status *ret_status);

/* Sets what is called at the end of each turn; before start. */
void vtx_engine_set_pull(struct vtx_engine *engine, void (*pull)(void *self),
                         void *self);

/* Starts the thread (all signals blocked in it). False if it cannot. */
bool vtx_engine_start(struct vtx_engine *engine);

/* Stops and joins the thread. Transfers still in flight are aborted; their
 * done comes first, with CANCELLED, and no other can begin. Mail that was not
 * taken by then is delivered on the caller's thread. From another thread than
 * the engine's; again does nothing. */
void vtx_engine_stop(struct vtx_engine *engine);

/* Delivers mail that came after stop, and frees. No timer may be set. NULL is
 * fine. */
void vtx_engine_free(struct vtx_engine *engine);

/* Delivers mail on the engine's thread; from any thread, until free. */
void vtx_engine_post(struct vtx_engine *engine, struct cb_mail *mail);

/* The time this turn began, cb_clock nanoseconds. */
int64_t vtx_engine_now(const struct vtx_engine *engine);

bool vtx_engine_set_timer(struct vtx_engine *engine, struct cb_timer *timer,
                          int64_t when);
void vtx_engine_cancel_timer(struct vtx_engine *engine, struct cb_timer *timer);

/* May be read from any thread (relaxed atomics inside). */
void vtx_engine_counters(const struct vtx_engine *engine,
                         struct vtx_engine_counters *ret_counters);

#endif
