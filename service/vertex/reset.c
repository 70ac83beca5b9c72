#include "service/vertex/reset.h"

#include <stdbool.h>

#include "service/vertex/engine_internal.h"

/* A connection is known by the port at our end: libcurl 7.88 has no name for
 * it. Two to different addresses may have the same; then both are flushed. */
static long port_of(CURL *easy) {
  long port = 0;

  curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);
  return port;
}

void vtx_reset_if_last(CURL *easy) {
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

void vtx_reset_note(struct vtx_resets *resets, CURL *easy) {
  long port = port_of(easy);

  vtx_reset_if_last(easy);
  if (port == 0) return; /* never had a connection */
  for (size_t i = 0; i < resets->count && i < VTX_RESET_PORTS; i++) {
    if (resets->ports[i] == port) return;
  }
  if (resets->count < VTX_RESET_PORTS) resets->ports[resets->count] = port;
  resets->count++;
}

/* True if the connection of that port is to be flushed, and was not yet. */
static bool take(struct vtx_resets *resets, long port) {
  for (size_t i = 0; i < resets->count; i++) {
    if (resets->ports[i] != port) continue;
    resets->ports[i] = resets->ports[--resets->count];
    return true;
  }
  return false;
}

/* A transfer that holds bytes back would be let go by this. */
static void flush_by(const struct vtx_transfer *transfer) {
  curl_easy_pause(transfer->easy, CURLPAUSE_SEND);
  curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

void vtx_reset_flush(struct vtx_engine *engine) {
  struct vtx_resets *resets = &engine->resets;
  bool all = resets->count > VTX_RESET_PORTS;

  for (struct cb_link *link = engine->transfers.next;
       resets->count > 0 && link != &engine->transfers; link = link->next) {
    const struct vtx_transfer *transfer =
        CB_CONTAINER(link, struct vtx_transfer, all);

    if (transfer->state != VTX_TRANSFER_RUNNING || transfer->held) continue;
    if (all || take(resets, port_of(transfer->easy))) flush_by(transfer);
  }
  resets->count = 0;
}
