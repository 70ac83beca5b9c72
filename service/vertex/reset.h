/* reset.h - sees to it that the peer hears of HTTP/2 streams that we give up.
 *
 * libcurl 7.88 resets the stream of a transfer that is removed early, but only
 * queues the frame: it goes out with the next bytes that some other transfer
 * has to send on that connection. Where all others wait for slow answers, or
 * there is no other, that may be minutes, in which the upstream works, and
 * counts tokens, for nobody. So:
 *
 * - where others share the connection, one of them is told to pause and to go
 *   on with sending (it has nothing to send), at which libcurl flushes;
 * - where none does, the connection is closed with the transfer.
 *
 * HTTP/1.1 needs neither: its connection is closed anyhow.
 *
 * Threads: the engine's; outside of libcurl's callbacks, but for
 *          vtx_reset_if_last().
 */
#ifndef VTX_VERTEX_RESET_H
#define VTX_VERTEX_RESET_H

#include <curl/curl.h>
#include <stddef.h>

struct vtx_engine;

/* More connections than these with streams given up in one turn: all of the
 * engine's are flushed. */
#define VTX_RESET_PORTS 64

struct vtx_resets {
  long ports[VTX_RESET_PORTS]; /* our ends of the connections to flush */
  size_t count;
};

/* Has the connection closed if easy leaves it as the last one. For a transfer
 * that libcurl itself ends early, from inside of the callback that says so. */
void vtx_reset_if_last(CURL *easy);

/* The transfer of easy is about to be removed early. */
void vtx_reset_note(struct vtx_resets *resets, CURL *easy);

/* Flushes what was noted; once a turn. */
void vtx_reset_flush(struct vtx_engine *engine);

#endif
