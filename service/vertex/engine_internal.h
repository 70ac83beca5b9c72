/* engine_internal.h - what engine.c and transfer.c know of each other.
 *
 * curl forbids most of its functions while one of its callbacks runs. So the
 * callbacks only append bytes to the transfer's inbox; events are handed out
 * afterwards, by vtx_transfer_deliver(), where everything is allowed. That is
 * why a transfer may be started, paused or cancelled from any event.
 *
 * Threads: the engine's.
 */
#ifndef VTX_VERTEX_ENGINE_INTERNAL_H
#define VTX_VERTEX_ENGINE_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "service/vertex/easy_pool.h"
#include "service/vertex/engine.h"
#include "service/vertex/origin.h"
#include "service/vertex/reset.h"
#include "service/vertex/transfer.h"
#include "service/vertex/watch.h"

struct vtx_engine {
  CURLM *multi;
  struct vtx_watch watch;
  int64_t next_look; /* of libcurl at all transfers */
  struct cb_mailbox mailbox;
  struct cb_timers timers;
  int64_t now;
  struct cb_link transfers; /* all that live */
  struct cb_link ready;     /* those with bytes or an end to hand out */
  void (*pull)(void *self);
  void *pull_self;

  struct vtx_origins origins;
  struct vtx_resets resets;
  struct vtx_easy_pool pool;
  char *ca_file;
  char *client_certificate; /* NULL: none */
  char *client_key;
  char *no_proxy;
  size_t max_in_flight;
  struct cb_budget *budget;

  pthread_t thread;
  bool running;
  atomic_bool stopping;

  _Atomic size_t transfer_count;
  _Atomic uint64_t transfers_total;
  _Atomic uint64_t bytes_sent;
  _Atomic uint64_t bytes_received;
};

/* Why a transfer was ended by us, when it was. */
enum vtx_transfer_cause {
  VTX_CAUSE_NONE = 0,
  VTX_CAUSE_TOO_LARGE,
  VTX_CAUSE_NO_MEMORY,
  VTX_CAUSE_DEADLINE,
  VTX_CAUSE_IDLE,
  VTX_CAUSE_CANCELLED,
};

/* waiting -> running -> ended; cancel and deadline may end it from either. */
enum vtx_transfer_state {
  VTX_TRANSFER_WAITING, /* not in the multi yet: see origin.h */
  VTX_TRANSFER_RUNNING, /* in the multi */
  VTX_TRANSFER_ENDED,   /* out of it; bytes or done may be left to hand out */
};

struct vtx_transfer {
  struct vtx_engine *engine;
  struct cb_link all;
  struct cb_link ready;
  struct cb_timer timer;
  struct cb_link queue; /* of its origin, until it has a connection */
  struct vtx_origin *origin;
  int64_t admitted; /* to libcurl */
  CURL *easy;
  struct curl_slist *headers;
  struct cb_buf body;
  struct cb_buf inbox; /* of the answer, not handed out yet */
  size_t taken;        /* bytes of the inbox that are handed out */
  struct vtx_transfer_events events;
  void *ctx;
  int64_t deadline;
  int64_t idle_timeout;
  int64_t started;
  int64_t sent; /* when it had a connection to go up on; 0: not yet */
  int64_t first_byte;
  int64_t last_byte;
  curl_off_t uploaded; /* when the idle timer looked last */
  size_t received;
  size_t max_response_bytes;
  enum vtx_transfer_state state;
  enum vtx_transfer_cause cause;
  CURLcode code;
  int http_status;
  bool paused;     /* by the user */
  bool held;       /* curl was told to stop; it holds a piece for us */
  bool over;       /* libcurl has finished with it */
  bool delivering; /* inside an event: do not free */
  bool cancelled;  /* inside an event: free afterwards */
  bool secret;     /* wipe body and inbox */
  bool special;    /* the handle has options that others must not have */
  char error[CURL_ERROR_SIZE];
};

/* Puts a waiting transfer into libcurl; for origin.c. If that fails it has
 * ended, and will tell so. */
void vtx_transfer_run(struct vtx_transfer *transfer);

/* Takes note that curl has finished with it. */
void vtx_transfer_ended(struct vtx_transfer *transfer, CURLcode code);

/* Ends it from our side, with cause as the reason that done will tell. */
void vtx_transfer_abort(struct vtx_transfer *transfer,
                        enum vtx_transfer_cause cause);

/* Hands out what waits: data, then done. May free the transfer. */
void vtx_transfer_deliver(struct vtx_transfer *transfer);

/* The status of a finished transfer; text (room bytes) holds its message. */
struct cb_status vtx_transfer_status(const struct vtx_transfer *transfer,
                                     char *text, size_t room);

#endif
