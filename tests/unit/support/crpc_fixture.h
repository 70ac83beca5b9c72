/* crpc_fixture.h - a server and a channel to it on one loop, for tests.
 *
 * The server has the Echo service (proto/echo.proto). What its handlers do is
 * in the ask: Say answers the text, unless how is "fail" (a failure with all
 * details), "hold" (never ends by itself), "later" (ends from a timer) or
 * "big" (an answer of size bytes); it sends the caller's "x-echo-bin" back.
 * Repeat sends count answers of size bytes whenever there is room, then
 * finishes
 * ("fail": fails; "hold": goes on). Say is also reached under
 * "/other.Path/Speak". Gather and Chat are in crpc_streams.h.
 */
#ifndef TESTS_UNIT_SUPPORT_CRPC_FIXTURE_H
#define TESTS_UNIT_SUPPORT_CRPC_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/budget.h"
#include "base/status.h"
#include "crpc/client.h"
#include "crpc/loop.h"
#include "crpc/server.h"
#include "echo.crpc.h"

struct fixture {
  struct crpc_loop *loop;
  struct crpc_server *server;
  struct crpc_channel *channel;
  struct cb_budget budget;
  char *address;
  bool drained;

  /* What the handlers saw. */
  int handled;   /* handlers called */
  int waits;     /* CRPC_WAIT returned */
  int cancelled; /* events */
  int done;
  int half_closed;
  int received;                /* messages that Gather and Chat were given */
  struct cb_arena *kept_arena; /* with kept_ask in it; the test's to free */
  const echo_Ask *kept_ask;
  size_t most_queued;           /* bytes in one call's queue */
  struct crpc_call *held;       /* the last call that holds */
  enum crpc_send send_at_close; /* what send says when cancelled */
  char request_id[160];         /* of the last call */
  char peer[80];
  char metadata[80]; /* value of "x-test" of the last call */

  /* What call_ended said. */
  int ended;
  enum cb_code ended_code;
  char ended_reason[64];
  char ended_method[128];
};

/* Makes a fixture; options may be NULL. address NULL: 127.0.0.1:0. */
struct fixture *fixture_new(const struct crpc_server_options *options,
                            const struct crpc_channel_options *channel,
                            const char *address);

/* Ends everything, and asserts that nothing is left: no call, no connection,
 * no arena, no byte of the budget. */
void fixture_free(struct fixture *fixture);

/* Drains the server with a deadline so many milliseconds from now. */
void fixture_drain(struct fixture *fixture, int ms);

/* Turns the loop until *flag; the test fails after ten seconds. */
void fixture_until(struct fixture *fixture, const bool *flag);

/* Turns the loop until *count is at least this. */
void fixture_until_count(struct fixture *fixture, const int *count, int least);

/* Turns the loop for so long. */
void fixture_turn(struct fixture *fixture, int ms);

/* One call of the client's side, and what came of it. */
struct talk {
  struct fixture *fixture;
  struct cb_id id;
  bool is_done;
  int done; /* must end up as 1 */
  int messages;
  int last_index;
  bool in_order;
  size_t bytes;
  int pause_at; /* pause when so many messages came; 0: never */
  int written;  /* CRPC_SENT from talk_write() */
  int waits;    /* CRPC_WAIT */
  int writables;
  int limit; /* for the two below, to know where to stop */
  /* Called by the events of these names; may be NULL. */
  void (*message_came)(struct talk *talk);
  void (*writable)(struct talk *talk);
  char text[256];
  enum cb_code code;
  char reason[64];
  char message[600];
  char field[64];
  char quota[64];
  int64_t retry_after;
  char request_id[160];
  bool id_in_trailers;
  char pushback[32];
  char first[8];      /* "x-first" of the initial metadata */
  char last[8];       /* "x-last" of the trailing metadata */
  char first_bin[64]; /* "x-first-bin" of the initial metadata */
  char last_bin[64];  /* "x-last-bin" of the trailing metadata */
  bool bad;           /* some metadata came that should have been dropped */
};

struct talk talk_make(struct fixture *fixture);

/* Starts a call; talk must live until it is done. */
void talk_say(struct talk *talk, const echo_Ask *ask,
              const struct crpc_rpc_options *options);
void talk_repeat(struct talk *talk, const echo_Ask *ask,
                 const struct crpc_rpc_options *options);

void talk_gather(struct talk *talk, const struct crpc_rpc_options *options);
void talk_chat(struct talk *talk, const struct crpc_rpc_options *options);

/* Starts a call of a method with Chat's messages where the client streams. */
void talk_as(struct talk *talk, const struct crpc_method *method);

/* Writes to, and half-closes, a Gather or a Chat. */
enum crpc_send talk_write(struct talk *talk, const echo_Ask *ask);
void talk_half_close(struct talk *talk);

/* Turns the loop until it is done. */
void talk_wait(struct talk *talk);

#endif
