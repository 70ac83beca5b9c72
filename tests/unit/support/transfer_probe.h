/* transfer_probe.h - transfers of the engine against a scripted server, as the
 * tests of service/vertex/transfer.h see them.
 *
 * Threads: the test's; what probe_start() starts runs on the engine's.
 */
#ifndef TEST_TRANSFER_PROBE_H
#define TEST_TRANSFER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "engine_help.h"
#include "http_script.h"
#include "service/vertex/transfer.h"

struct cb_budget;

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* One transfer as a test sees it. Fields but the tally are the engine's until
 * done is told. */
struct probe {
  struct vtx_engine *engine;
  struct vtx_transfer *transfer;
  const char *base;
  const char *path;
  int64_t deadline;
  int64_t idle_timeout;
  size_t max;
  struct cb_budget *budget;
  const char *send;
  bool stream;
  const struct cb_pair *headers;
  size_t header_count;

  struct tally done;
  struct tally pieces;
  struct cb_buf got;
  enum cb_code code;
  char reason[48];
  char message[600];
  char type[64];
  bool retryable;
  int http_status;
  int64_t retry_after;
  bool first_byte;
  int64_t silence;
  size_t body_left;
  size_t largest;
  bool (*on_data)(struct probe *probe);
};

/* Makes the probe ready; probe_start() does it too. */
void probe_init(struct probe *probe);

/* Starts the probe's (struct probe *arg) transfer; on the engine's thread. */
void probe_begin(void *arg);

/* As probe_begin(), from the test's thread. */
void probe_start(struct probe *probe);

/* Runs the transfer to its end. */
void probe_run(struct probe *probe);

void probe_release(struct probe *probe);

struct place {
  struct vtx_engine *engine;
  struct http_script *script;
};

/* An engine, and a server that answers by the script. */
struct place place_start(const struct http_reply *replies, size_t count);
void place_end(struct place *place);

/* A probe for that path of the place's server. */
struct probe probe_at(const struct place *place, const char *path);

/* Conditions for eventually(); arg is the struct http_script. */
bool nothing_busy(void *arg);
bool nothing_open(void *arg);

#endif
